"""The client's command lines, and what its failures become."""

import shutil

import pytest
from parts.waiting import runs, until

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.stack import docker
from samplemind_cli.stack.files import Stack

SAID = {  # what Docker, Compose and the daemon print, as seen
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": "not answer",
    "failed to connect to the docker API at unix:///x.sock; check if the path is correct": "not answer",
    "Failed to initialize: unable to parse docker host `fd://`": "unable to parse docker host",
    'Failed to initialize: unable to resolve docker endpoint: context "nope": context not found': "not found",
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get": "user",
    "docker: 'compose' is not a docker command.\nSee 'docker --help'": "Compose plugin",
    "docker: unknown command: docker compose": "Compose plugin",
    "unknown shorthand flag: 'f' in -f": "Compose plugin",
    "unknown flag: --file": "Compose plugin",
    "unknown flag: --short\n\nUsage: docker …\n\nRun 'docker --help' for more information": "Compose plugin",
    "yaml: line 1: did not find expected node content": "compose file is broken",
    "validating /p/compose.yaml: services.web Additional property wat is not allowed": "compose file is broken",
    "validating /p/c.yaml: services.web additional properties 'models' not allowed": "not know `models` (",
    "validating /p/c.yaml: (root) Additional property models is not allowed": "`models` (/p/c.yaml (root)",
    "required variable DB_PASSWORD is missing a value": "DB_PASSWORD, which the compose file requires, is not set",
    "interpolating services.db.image: required variable A_B is missing a value: set A_B": "not set: set A_B",
    "cannot join network of a non running container: 97cd": "shares the network of a container that does not run",
    'service "web" depends on undefined service "nope": invalid compose project': "compose file is broken",
    "failed to solve: write /x: no space left on device": "disk is full",
    "Error response from daemon: pull access denied for nosuch, repository does not exist": "refused an image",
    'failed to resolve reference "docker.io/library/a:17": Head "https://r.example/v2/": dial tcp: '
    "lookup r.example: no such host": "the image docker.io/library/a:17 is not on this machine",
    'Error response from daemon: Get "https://r.example:5000/v2/": dial tcp 1.2.3.4:5000: connection refused': (
        "the registry r.example:5000 cannot be reached: connection refused"
    ),
    "Error response from daemon: toomanyrequests: You have reached your pull rate limit": "limits pulls",
    "driver failed: Bind for 127.0.0.1:6379 failed: port is already allocated": "port is taken",
    "listen tcp4 127.0.0.1:6379: bind: address already in use": "port is taken",
    "ERROR: Cache export is not supported for the docker driver.": "layer cache",
    "container shop-web-1 is unhealthy": "container shop-web-1 is unhealthy",
    "something nobody foresaw": "something nobody foresaw",
}


@pytest.fixture
def _installed(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.mark.parametrize(("said", "message"), SAID.items())
def test_each_failure_is_said_in_one_line_with_the_next_command(said, message):
    error = docker.failure(f" Container x  Creating\n{said}\n")
    assert isinstance(error, StackError)
    assert message in error.message
    assert error.hint


def test_a_daemon_that_was_named_is_not_looked_for_on_this_machine(monkeypatch):
    said = "Cannot connect to the Docker daemon at tcp://box:2375. Is the docker daemon running?"
    assert "systemctl" in docker.failure(said).hint
    monkeypatch.setenv("DOCKER_HOST", "tcp://box:2375")
    assert docker.failure(said).hint == docker.ELSEWHERE


def test_an_unknown_service_is_a_usage_error():
    assert isinstance(docker.failure("no such service: nope"), UsageError)


def test_silence_is_an_error_too():
    assert docker.failure("").message == "Docker failed and gave no reason"


def test_terminal_codes_are_left_out():
    assert docker.failure("\x1b[31mboom\x1b[0m").message == "boom"


def test_without_a_client_every_command_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for ask in (lambda: docker.docker_command("info"), lambda: docker.compose_command(Stack(files=()), "ps")):
        with pytest.raises(StackError, match="Docker is not installed"):
            ask()


@pytest.mark.usefixtures("_installed")
def test_a_command_line_names_files_project_and_variables(tmp_path):
    stack = Stack(files=(tmp_path / "a", tmp_path / "b"), project="shop", variables={"PORT": "1 2"})
    command = docker.compose_command(stack, "ps", "--all")
    assert command[0] == "env"
    assert "PORT=1 2" in command
    after = command[command.index("docker") :]
    files = ["--file", str(tmp_path / "a"), "--file", str(tmp_path / "b")]
    assert after == ["docker", "compose", *files, "--project-name", "shop", "ps", "--all"]


@pytest.mark.slow
@pytest.mark.usefixtures("_installed")
def test_python_on_whales_asks_with_the_same_words(tmp_path):
    stack = Stack(files=(tmp_path / "a",), project="shop", variables={"PORT": "1"})
    theirs = [str(word) for word in docker.client(stack).compose.docker_compose_cmd]
    assert [theirs[0].rpartition("/")[2], *theirs[1:]] == docker.compose_command(stack)


@pytest.mark.slow
def test_exceptions_of_python_on_whales_are_translated_and_bugs_are_not():
    from python_on_whales.exceptions import DockerException

    with pytest.raises(StackError, match="disk is full"), docker.translated():
        raise DockerException(["docker"], 1, stderr=b"no space left on device")
    with pytest.raises(ZeroDivisionError), docker.translated():
        raise ZeroDivisionError


def test_a_silent_engine_is_not_waited_for_and_the_client_s_plugin_neither(tmp_path):
    plugin = tmp_path / "plugin"
    with pytest.raises(StackError, match=r"did not answer within 0\.2 s"):
        docker.output_of(["sh", "-c", f"sleep 600 & echo $! >{plugin}; wait"], timeout=0.2)
    until(lambda: not runs(int(plugin.read_text())))


def test_a_client_that_answers_nothing_is_not_given_time_to_end(tmp_path):
    stays = f"trap 'touch {tmp_path}/asked' TERM; while :; do sleep 0.05; done"
    with pytest.raises(StackError) as error:
        docker.output_of(["sh", "-c", stays], timeout=0.2, hint="look there")
    assert error.value.hint == "look there"
    assert not (tmp_path / "asked").exists()


@pytest.mark.usefixtures("_installed")
def test_files_that_compose_finds_itself_are_passed_as_it_would_find_them(tmp_path):
    stack = Stack(files=(tmp_path / "a:b", tmp_path / "c"), profiles=("x", "y"), by_option=False)
    command = docker.compose_command(stack, "ps")
    assert f"COMPOSE_FILE={tmp_path / 'a:b'}\n{tmp_path / 'c'}" in command
    assert "COMPOSE_PATH_SEPARATOR=\n" in command
    assert command[command.index("docker") :] == ["docker", "compose", "--profile", "x", "--profile", "y", "ps"]


@pytest.mark.usefixtures("_installed")
def test_compose_fetches_no_files_unless_the_environment_asks_for_it(tmp_path, monkeypatch):
    names = ("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "COMPOSE_EXPERIMENTAL_OCI_REMOTE")
    assert {f"{name}=0" for name in names} <= set(docker.compose_command(Stack(files=(tmp_path,)), "ps"))
    monkeypatch.setenv(names[0], "1")
    assert not any(word.startswith(names[0]) for word in docker.compose_command(Stack(files=(tmp_path,)), "ps"))


def test_a_refused_remote_file_is_told_with_what_allows_it():
    said = 'experimental git remote resource is disabled. "COMPOSE_EXPERIMENTAL_GIT_REMOTE" must be set'
    error = docker.failure(said)
    assert "from the network" in error.message
    assert "COMPOSE_EXPERIMENTAL_GIT_REMOTE=1" in error.hint


def test_an_unknown_service_is_told_with_the_known_ones():
    with pytest.raises(UsageError, match="no such service: nope") as raised:
        docker.require(["web", "nope"], ["web", "api"])
    assert raised.value.hint == "the compose files declare: api, web"


def test_a_docker_that_only_sleeps_is_not_waited_for(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(docker, "ANSWER", 0.2)
    with pytest.raises(StackError, match="does not answer"):
        docker.require_daemon()
