"""What every test gets: a home of its own, no keys, and the marker `fast` unless it has another."""

import pytest

KINDS = ("slow", "integration", "e2e")
PRIVATE = ("SAMPLEMIND_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "XDG_", "DOCKER_", "COMPOSE_")


def pytest_collection_modifyitems(items):
    for item in items:
        if not any(item.get_closest_marker(kind) for kind in KINDS):
            item.add_marker(pytest.mark.fast)


@pytest.fixture(autouse=True)
def _a_home_of_its_own(tmp_path_factory, monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith(PRIVATE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
