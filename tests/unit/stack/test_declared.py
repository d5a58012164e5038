import os

import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import declared as module
from samplemind_cli.stack.declared import declared
from samplemind_cli.stack.files import Stack


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask what is declared; `ask.times` counts how often Compose was asked."""
    file = tmp_path / "compose.yaml"
    file.write_text("one")

    def config(_):
        ask.times += 1
        return {"name": "shop", "services": {"web": {}, "redis": {}}}

    monkeypatch.setattr(module, "config", config)

    def ask(**more):
        settings = Settings(cache_dir=str(more.pop("cache_dir", tmp_path / "cache")))
        return declared(settings, Stack(files=(file,), **more))

    ask.times, ask.file = 0, file
    return ask


def test_compose_is_asked_once(ask):
    assert ask() == ask() == ("shop", ["web", "redis"])
    assert ask.times == 1


def test_it_is_asked_again_when_a_file_the_environment_or_the_project_changes(ask, monkeypatch):
    ask()
    ask.file.write_text("more")
    ask()
    ask.file.with_name(".env").touch()
    ask()
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    ask()
    ask(project="third")
    ask(project="third", variables={"A": "b"})
    assert ask.times == 6


def test_the_memory_holds_no_secret_and_may_be_broken_or_forbidden(ask, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    ask()
    memory = tmp_path / "cache" / module.FILE
    assert "sk-secret" not in memory.read_text()
    for broken in ("", "[]", "{}", '{"key": 3}'):
        memory.write_text(broken)
        assert ask() == ("shop", ["web", "redis"])
    assert ask(cache_dir=os.devnull) == ("shop", ["web", "redis"])
