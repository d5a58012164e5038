"""Which containers there are, and what is done to them."""

import pytest

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import declared as declarations
from samplemind_cli.stack import existing as module
from samplemind_cli.stack.services import Port, ServiceState


class Engine:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def get(self, path):
        return {"/version": {"Version": "26.1"}}[path]


@pytest.fixture
def act(tmp_path, monkeypatch):
    """Plan a verb where the services `made` have containers; `web` and `db` are declared, `tool` in a profile."""
    file = tmp_path / "compose.yaml"
    file.touch()
    settings = Settings(compose_file=str(file), state_dir=str(tmp_path))
    monkeypatch.setattr(module, "declared", lambda *_: ("shop", ["web", "db"]))
    for place in (module, declarations):
        monkeypatch.setattr(place, "every_service", lambda _: ["web", "db", "tool"])
    monkeypatch.setattr(module, "compose_command", lambda stack, *words: [*stack.profiles, *words])

    def act(*services, made):
        listed = [{"Labels": {"com.docker.compose.service": name}} for name in made]
        monkeypatch.setattr(module, "containers", lambda *_: listed)
        act.told = []
        return module.planned(settings, Engine(), ["restart"], services, act.told.append)

    return act


def test_every_service_that_has_a_container_is_meant_but_for_those_of_earlier_files(act):
    plan = act(made=["tool", "db", "former"])
    assert plan.command == ("*", "restart", "db", "tool")
    assert set(plan.selected) == {"db", "tool"}
    assert act.told == [plan.stack.title("shop")]


def test_a_service_that_is_named_is_meant_alone(act):
    assert act("tool", made=["web", "tool"]).command == ("*", "restart", "tool")


def test_without_a_container_there_is_nothing_to_do_but_up(act):
    with pytest.raises(StackError, match="db: there is no container") as raised:
        act("db", made=["web"])
    assert raised.value.hint == "samplemind up db"
    with pytest.raises(StackError, match="shop has no containers"):
        act(made=[])


def test_an_unknown_service_is_told_with_the_known_ones(act):
    with pytest.raises(UsageError, match="no such service: nope") as raised:
        act("nope", made=["web"])
    assert "db, tool, web" in raised.value.hint


@pytest.mark.usefixtures("act")
def test_a_service_s_urls_are_those_of_its_running_container_or_of_the_program_outside(monkeypatch, tmp_path):
    ports = (Port(address="", published=8, target=6379), Port(address="", published=9, target=80))
    monkeypatch.setattr(module, "Engine", Engine)
    monkeypatch.setattr(module, "containers", lambda *_: [])
    monkeypatch.setattr(module, "observe", lambda *_: [ServiceState(service="web", state="running", ports=ports)])
    settings = Settings(compose_file=str(tmp_path / "compose.yaml"), state_dir=str(tmp_path))
    assert module.urls(settings, "web") == ["redis://127.0.0.1:8", "http://127.0.0.1:9"]
    with pytest.raises(StackError, match="db is not running: it is not created"):
        module.urls(settings, "db")
    monkeypatch.setattr(module.record, "adopted", lambda *_: {"db": "127.0.0.1:11434"})
    assert module.urls(settings, "db") == ["http://127.0.0.1:11434"]
