import json
from multiprocessing.pool import ThreadPool

import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.origin import StackOrigin

REDIS = {"target": 6379, "host": "127.0.0.1:6380", "kind": "redis"}
OLLAMA = {"target": 11434, "host": "127.0.0.1:11434", "adopted": True, "kind": "ollama"}
SHOP = StackOrigin("/work/shop", carried=False)
OURS = StackOrigin("", carried=True)


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


def written(settings):
    return json.loads(record._file(settings).read_text())["stacks"]


def test_other_commands_find_redis_and_ollama_by_it(settings):
    record.remember(settings, "shop", SHOP, {"cache": REDIS, "llm": OLLAMA})
    shop = written(settings)["shop"]
    assert (shop["redis_url"], shop["ollama_host"]) == ("redis://127.0.0.1:6380/0", "127.0.0.1:11434")
    assert (shop["folder"], shop["carried"]) == ("/work/shop", False)
    assert record.adopted(settings, "shop") == {"llm": "127.0.0.1:11434"}


def test_a_service_that_only_has_the_port_is_neither_redis_nor_ollama(settings):
    record.remember(
        settings, "shop", SHOP, {"a": {"target": 6379, "host": "h:1"}, "b": {"target": 11434, "host": "h:2"}}
    )
    assert {*written(settings)["shop"]} == {"folder", "carried", "services"}


def test_settings_take_their_defaults_from_it(tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    settings = Settings.load(env)
    assert settings.redis_url == ""
    record.remember(settings, "samplemind", OURS, {"cache": REDIS})
    assert Settings.load(env).redis_url == "redis://127.0.0.1:6380/0"


def test_what_was_stopped_is_forgotten(settings):
    record.remember(settings, "shop", SHOP, {"cache": REDIS})
    record.remember(settings, "shop", SHOP, {"llm": OLLAMA})
    record.forget(settings, "shop", ["cache"])
    assert "redis_url" not in written(settings)["shop"]
    assert "ollama_host" in written(settings)["shop"]
    record.forget(settings, "shop")
    assert not record._file(settings).exists()
    record.forget(settings, "shop")


def test_the_stacks_of_several_projects_are_remembered_side_by_side(settings):
    record.remember(settings, "shop", SHOP, {"cache": REDIS})
    record.remember(settings, "other", StackOrigin("/work/other", carried=False), {"llm": OLLAMA})
    assert {name: [*stack["services"]] for name, stack in written(settings).items()} == {
        "shop": ["cache"],
        "other": ["llm"],
    }
    record.forget(settings, "other")
    assert [*written(settings)] == ["shop"]
    assert record.adopted(settings, "other") == {}


def test_a_project_that_takes_the_carried_stacks_name_takes_nothing_of_its_trust(settings):
    record.remember(settings, "samplemind", OURS, {"redis": REDIS, "ollama": OLLAMA})
    record.remember(settings, "samplemind", SHOP, {"web": {"target": 80, "host": "127.0.0.1:80"}})
    assert written(settings)["samplemind"]["carried"] is False
    assert [*written(settings)["samplemind"]["services"]] == ["web"]


def test_an_address_that_another_stack_had_is_no_longer_its_own(settings):
    record.remember(settings, "samplemind", OURS, {"redis": REDIS, "ollama": OLLAMA})
    record.remember(settings, "shop", SHOP, {"anything": {"target": 80, "host": REDIS["host"]}})
    assert [*written(settings)["samplemind"]["services"]] == ["ollama"]
    assert "redis_url" not in written(settings)["samplemind"]


def test_stacks_started_at_the_same_time_are_all_remembered(settings):
    def remember(number):
        service = {"target": 80, "host": f"127.0.0.1:{number}"}
        record.remember(settings, f"project-{number}", StackOrigin(f"/{number}", carried=False), {"web": service})

    with ThreadPool(8) as pool:
        pool.map(remember, range(24))
    assert len(written(settings)) == 24


@pytest.mark.parametrize(
    "broken",
    ["", "[]", '{"stacks": 3}', '{"stacks": {"shop": {}}}', '{"stacks": {"shop": {"services": 3}}}', "\0"],
)
def test_a_broken_record_is_no_record(settings, broken):
    record.write_whole(record._file(settings), broken)
    assert record.load(settings, "shop")["services"] == {}
    record.remember(settings, "shop", SHOP, {"cache": REDIS})
    assert record.load(settings, "shop")["services"] == {"cache": REDIS}


def test_a_folder_that_cannot_be_written_is_one_clear_error():
    with pytest.raises(StackError, match="cannot write /dev/null"):
        record.remember(Settings(state_dir="/dev/null"), "shop", SHOP, {"cache": REDIS})


def test_only_the_carried_stacks_services_are_told_to_every_folder(settings):
    record.remember(settings, "shop", SHOP, {"api": {"target": 8000, "host": "127.0.0.1:8000"}})
    assert record.carried(settings, "api") == ""
    record.remember(settings, "samplemind", OURS, {"api": {"target": 8000, "host": "127.0.0.1:8001"}})
    assert record.carried(settings, "api") == "127.0.0.1:8001"
    assert record.carried(settings, "redis") == ""


def test_a_further_address_that_another_stack_had_is_this_ones_now(settings):
    web = {"target": 80, "host": "127.0.0.1:80", "also": ["127.0.0.1:11434", "127.0.0.1:81"]}
    record.remember(settings, "shop", SHOP, {"web": web})
    record.remember(settings, "samplemind", OURS, {"ollama": OLLAMA})
    assert record.load(settings, "shop")["services"]["web"]["also"] == ["127.0.0.1:81"]
