import pytest

from samplemind_cli.stack.compose_output import ComposeOutput
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.services import ServiceState
from samplemind_cli.stack.up import _command, _failed, _View, _would_go_now, started
from samplemind_cli.stack.up_plan import UpPlan

UNHEALTHY = ServiceState(service="sick", state="running", health="unhealthy")
CRASHED = ServiceState(service="crash", state="exited", exit_code=1)
SLOW = ServiceState(service="slow", state="running", health="starting")
CREATED = ServiceState(service="waits", state="created")


def plan(**more):
    return UpPlan(stack=Stack(files=()), project="shop", **{"services": (), "selected": {}, **more})


@pytest.mark.parametrize(
    ("code", "last_words", "late", "blamed"),
    [
        (0, "", False, [UNHEALTHY, CRASHED]),
        (0, "", True, [UNHEALTHY, CRASHED, SLOW]),
        (1, "dependency failed to start: container shop-sick-1 is unhealthy", False, [UNHEALTHY, CRASHED]),
        (1, "pull access denied", False, []),
        (-15, "", True, [UNHEALTHY, CRASHED, SLOW]),
    ],
)
def test_who_is_to_blame(code, last_words, late, blamed):
    assert _failed([CREATED], ComposeOutput(lines=[last_words]), code, late=late) == ([CREATED] if late else [])
    talk = ComposeOutput(lines=[last_words])
    assert _failed([UNHEALTHY, CRASHED, SLOW, CREATED], talk, code, late=late) == blamed


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ('The container name "/shop-web-1" is already in use by container "97cd".', True),  # not listed yet, or ours
        ('The container name "/theirs" is already in use by container "97cd".', False),
        ("failed to create network shop_default: network with name shop_default already exists", True),
        ('service "web" has no container to start', True),
        ("pull access denied", False),
    ],
)
def test_what_another_up_of_the_project_made_first_is_no_failure(words, again):
    class Engine:
        def get(self, *_, **__):
            theirs = [{"Names": ["/theirs"], "Labels": None}]
            return [*theirs, {"Names": ["/shop-web-1"], "Labels": {"com.docker.compose.project": "shop"}}]

    assert _would_go_now(plan(), Engine(), words) is again


@pytest.fixture
def command(monkeypatch):
    """Compose's words for a plan, after `up`."""
    monkeypatch.setattr("samplemind_cli.stack.docker.shutil.which", lambda _: "/usr/bin/docker")

    def command(build=False, **more):
        words = _command(plan(**more), build=build)
        return words[words.index("up") + 1 :]

    return command


def test_compose_is_asked_for_what_is_planned(command):
    assert command() == ["--detach"]
    assert command(services=("redis",), build=True) == ["--detach", "--build", "redis"]


def test_an_adopted_service_is_scaled_to_nothing(command):
    adopted = {"ollama": "127.0.0.1:11434"}
    needing = {"api": {"depends_on": {"ollama": {}}}}
    assert command(adopted=adopted) == ["--detach", "--scale", "ollama=0"]
    assert command(adopted=adopted, services=("ollama", "api"), selected=needing) == [
        "--detach",
        "--scale",
        "ollama=0",
        "api",
    ]


def test_an_adopted_service_that_nothing_named_needs_is_not_spoken_of(command):
    adopted = {"ollama": "127.0.0.1:11434"}
    assert command(adopted=adopted, services=("ollama", "redis"), selected={"redis": {}}) == ["--detach", "redis"]


def test_when_all_that_is_named_is_adopted_nothing_is_started():
    only = plan(services=("ollama",), adopted={"ollama": "127.0.0.1:11434"})
    assert list(started(only, None, build=False, wait=True, timeout=1)) == []


def test_containers_are_listed_anew_only_when_some_have_come_or_gone():
    listed, gone = [], set()

    class Engine:
        def get(self, path, **_):
            if path == "/containers/json":
                listed.append(path)
                return [{"Id": name} for name in ("a", "b") if name not in gone]
            return None if path.split("/")[2] in gone else inspected(path.split("/")[2])

    view = _View(plan(selected={"a": {}, "b": {}}), Engine())
    assert [s.state for s in view.look(0)] == [s.state for s in view.look(0)] == ["running", "running"]
    assert len(listed) == 1
    view.look(1)
    assert len(listed) == 2
    gone.add("b")
    assert [s.state for s in view.look(1)] == ["running", "absent"]
    view.look(1)
    assert len(listed) == 3


def inspected(name):
    return {
        "Id": name,
        "Name": f"/shop-{name}-1",
        "State": {"Status": "running", "StartedAt": "2026-11-22T20:38:08.191457262Z", "ExitCode": 0},
        "Config": {"Labels": {"com.docker.compose.service": name}},
        "NetworkSettings": {"Ports": {}},
    }
