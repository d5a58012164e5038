import json

import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import record

REDIS = {"target": 6379, "host": "127.0.0.1:6380"}
OLLAMA = {"target": 11434, "host": "127.0.0.1:11434", "adopted": True}


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


def written(settings):
    return json.loads(record._file(settings).read_text())


def test_other_commands_find_redis_and_ollama_by_it(settings):
    record.remember(settings, "shop", {"cache": REDIS, "llm": OLLAMA})
    assert (written(settings)["redis_url"], written(settings)["ollama_host"]) == (
        "redis://127.0.0.1:6380/0",
        "127.0.0.1:11434",
    )
    assert record.adopted(settings, "shop") == {"llm": "127.0.0.1:11434"}


def test_settings_take_their_defaults_from_it(settings):
    record.remember(settings, "shop", {"cache": REDIS})
    state = settings.state_dir
    loaded = Settings.load({"XDG_STATE_HOME": state, "HOME": state})
    assert loaded.redis_url == ""
    folder = record._file(settings).parent / "samplemind"
    folder.mkdir()
    record._file(settings).rename(folder / "stack.json")
    assert Settings.load({"XDG_STATE_HOME": state, "HOME": state}).redis_url == "redis://127.0.0.1:6380/0"


def test_what_was_stopped_is_forgotten(settings):
    record.remember(settings, "shop", {"cache": REDIS})
    record.remember(settings, "shop", {"llm": OLLAMA})
    record.forget(settings, "shop", ["cache"])
    assert "redis_url" not in written(settings)
    assert "ollama_host" in written(settings)
    record.forget(settings, "shop")
    assert not record._file(settings).exists()
    record.forget(settings, "shop")


def test_another_project_s_record_is_left_alone_by_down_and_replaced_by_up(settings):
    record.remember(settings, "shop", {"cache": REDIS})
    record.forget(settings, "other")
    assert written(settings)["project"] == "shop"
    assert record.adopted(settings, "other") == {}
    record.remember(settings, "other", {"llm": OLLAMA})
    assert set(written(settings)["services"]) == {"llm"}


@pytest.mark.parametrize("broken", ["", "[]", '{"project": "shop"}', '{"project": "shop", "services": 3}', "\0"])
def test_a_broken_record_is_no_record(settings, broken):
    record.write_whole(record._file(settings), broken)
    assert record.load(settings, "shop")["services"] == {}


def test_a_folder_that_cannot_be_written_is_one_clear_error():
    with pytest.raises(StackError, match="cannot write /dev/null/"):
        record.remember(Settings(state_dir="/dev/null"), "shop", {"cache": REDIS})
