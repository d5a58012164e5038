from pathlib import Path

import pytest

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import beside as module
from samplemind_cli.stack import declared as declarations
from samplemind_cli.stack import existing
from samplemind_cli.stack.services import ServiceState


@pytest.fixture
def running(monkeypatch):
    """What is found beside which a program can run, of services and an engine as given."""

    def running(*found, system="linux", declared=("api", "redis")):
        class Engine:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def get(self, path):
                return {"Os": system, "Arch": "amd64"} if path == "/version" else {"Image": f"image of {path}"}

        monkeypatch.setattr(module, "Engine", Engine)
        monkeypatch.setattr(existing, "declared", lambda *_: ("shop", declared))
        monkeypatch.setattr(declarations, "every_service", lambda _: declared)
        monkeypatch.setattr(existing, "containers", lambda *_: [])
        monkeypatch.setattr(existing, "observe", lambda *_: list(found))
        return module.running(Settings(), Path("/nowhere"), "api")

    return running


def test_a_service_s_first_running_container_is_taken(running):
    found = running(
        ServiceState(service="api", state="exited", id="1"),
        ServiceState(service="api", state="running", id="2"),
        ServiceState(service="redis", state="running", id="3"),
    )
    assert (found.id, found.image, found.processor) == ("2", "image of /containers/2/json", "amd64")


@pytest.mark.parametrize(
    ("found", "words"),
    [((), "not created"), ((ServiceState(service="api", state="exited", exit_code=1),), r"exited \(1\)")],
)
def test_one_that_does_not_run_is_told_with_the_next_command(running, found, words):
    with pytest.raises(StackError, match=f"api is not running: it is {words}") as raised:
        running(*found)
    assert raised.value.hint == "samplemind up api"


def test_an_engine_of_another_system_is_refused(running):
    with pytest.raises(StackError, match="runs windows containers"):
        running(system="windows")


def test_a_stack_without_the_service_is_told(running):
    with pytest.raises(UsageError, match="no such service: api"):
        running(declared=("web",))
