"""The fixture `mock_server` for tests that call a model: `pytest_plugins = ["samplemind_cli.mock.pytest_plugin"]`."""

from collections.abc import Iterator

import pytest

from samplemind_cli.mock.server import MockServer


@pytest.fixture
def mock_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A MockServer for this test; the environment points every provider at it."""
    with MockServer() as server:
        for name, value in server.exports.items():
            monkeypatch.setenv(name, value)
        yield server
