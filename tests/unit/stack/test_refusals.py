import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.stack.docker import failure
from samplemind_cli.stack.refusals import refused
from samplemind_cli.stack.services import ServiceState

DAEMON = "Error response from daemon: "


def created(name, error):
    return ServiceState(service=name, state="created", error=error)


def test_each_service_that_the_engine_could_not_start_is_told():
    services = [
        created("web", 'runc create failed: exec: "nope": executable file not found in $PATH: unknown'),
        created("db", "unable to find user x: no matching entries in passwd file"),
        created("waits", ""),
    ]
    error = refused({}, "shop", services, [DAEMON + "something"])
    assert error.message.splitlines() == [
        "web could not be started: its image has no program nope to run (executable file not found)",
        "db could not be started: its image has no user x",
    ]


@pytest.mark.parametrize(
    ("container", "service"),
    [("shop-web-1", "web"), ("shop_web_1", "web"), ("my-own", "named"), ("shop-named-1", ""), ("other-web-1", "")],
)
def test_the_service_of_a_container_that_was_never_made_is_known(container, service):
    lines = [f"Container {container}  Creating", "Container shop-ok-1  Creating", "Container shop-ok-1  Created"]
    selected = {"web": {}, "named": {"container_name": "my-own"}, "ok": {}}
    error = refused(selected, "shop", [], [*lines, DAEMON + "Range of CPUs is from 0.01 to 2.00"])
    assert error.message.startswith(
        f"{service} could not be started: the compose file asks for more CPUs"
        if service
        else "the compose file asks for more CPUs"
    )


def test_of_several_that_are_made_at_once_the_one_that_the_reason_is_about_is_named():
    lines = [f"Container shop-{name}-1  Creating" for name in ("a", "b", "c", "d")]
    selected = {
        "a": {"cpus": 99},
        "b": {"secrets": [{"source": "s"}], "volumes": [{"source": "/work/x"}]},
        "c": {"environment": {"A": "b"}},
        "d": {},
    }

    def blamed(reason):
        return refused(selected, "shop", [], [*lines, DAEMON + reason]).message.partition(" could not")[0]

    assert blamed("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available") == "a"
    assert blamed('invalid mount config for type "bind": bind source path does not exist: /work/x') == "b"
    assert blamed("something else") == "a or b or c or d"


def test_an_unknown_service_is_nobodys_failure():
    lines = ["Container shop-web-1  Creating", "no such service: nope"]
    assert isinstance(refused({"web": {}}, "shop", [], lines), UsageError)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("network gone declared as external, but could not be found", "network gone does not", "network create gone"),
        (DAEMON + "network gone not found", "network gone does not", "network create gone"),
        ('external volume "x y" not found', "volume x y does not", "docker volume create x y"),
        ("env file /a/.env not found: stat /a/.env: no such file", "/a/.env does not exist", "required: false"),
        ("exec /app: exec format error", "another processor", "platform"),
        (DAEMON + "could not select device driver", "offers no GPU: could not", "--gpu none"),
        ("a {0} line {of} braces: no space left on device", "a {0} line {of} braces", "docker system prune"),
    ],
)
def test_what_the_engine_says_becomes_plain_words_and_a_way_on(line, message, hint):
    error = failure(line)
    assert message in error.message
    assert hint in error.hint
