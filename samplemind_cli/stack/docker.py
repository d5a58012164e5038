"""The Docker client, as python-on-whales or as a command line of our own, and the translation of its errors.

python-on-whales makes the calls with a single answer: `down`, `stop`, `rebuild`'s start, removals, copies, prunes. Its
import takes 0.2 s of CPU, half of a `docker compose up` with nothing to do, and it has no timeouts. So `up`, `ps`,
`env` and `doctor` use the engine's own API (see `engine`), and `config`, which takes service names too, is called here.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from samplemind_cli.child.reaped import kill, reaped
from samplemind_cli.errors import SamplemindError, StackError, UsageError
from samplemind_cli.settings import environment
from samplemind_cli.stack.declared_errors import DECLARED
from samplemind_cli.stack.files import Stack

if TYPE_CHECKING:
    from python_on_whales import DockerClient

# Attestations give an unchanged image a new digest, and Compose then recreates its containers (docker/compose#13944).
ALWAYS = {"BUILDKIT_PROGRESS": "plain", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "DOCKER_CLI_HINTS": "false"}

# Compose would fetch an `include:` or a file from such an address, whichever folder we are started in.
REMOTE = ("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "COMPOSE_EXPERIMENTAL_OCI_REMOTE")

SILENCE = 30.0  # seconds to wait for a daemon that has answered before
ANSWER = 15.0  # seconds to wait for its first answer
PATIENCE, POLL = 5.0, 0.2  # seconds a command may take before the daemon is probed; between two looks at the probe

DAEMON = "Error response from daemon: "
ABSENT = "Docker is not installed: there is no `docker` on the PATH"
DENIED = "this user may not use the Docker daemon"
SILENT = "the Docker daemon does not answer"
ELSEWHERE = "check DOCKER_HOST, or unset it for this machine's own daemon"  # the hint if it is set
DOCTOR = "samplemind doctor"  # the hint if nothing better is known
WAITS = f"Compose waits for a pipe that the compose files name, as an env_file: is there one? Else: {DOCTOR}"

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
EVERY_PROFILE = "*"
SEPARATOR = "\n"  # between the paths in COMPOSE_FILE; any of them may contain a colon

# Why a registry is not reached, as Go's network code says it.
UNREACHABLE = (
    r"(no such host|connection refused|connection reset by peer|i/o timeout|network is unreachable|no route to host"
    r"|tls handshake timeout|temporary failure in name resolution|server misbehaving)"
)

# What the client, Compose and the daemon print: (pattern, message, hint); the first match wins, `{0}` is its line.
FAILURES: tuple[tuple[str, str, str], ...] = (
    (
        r"remote resource is disabled",
        "the compose files include one from the network: {0}",
        "if you trust it: export COMPOSE_EXPERIMENTAL_GIT_REMOTE=1 (or COMPOSE_EXPERIMENTAL_OCI_REMOTE=1)",
    ),
    (
        r"permission denied while trying to connect|raw stream connection: .*permission denied",
        DENIED,
        "sudo usermod -aG docker $USER, then log in again",
    ),
    (
        (
            r"(cannot|failed to) connect to the docker|error during connect|is the docker daemon running|raw stream"
            r"|error while (copy|close(read|write)) \("  # the connection was cut
        ),
        SILENT,
        "start Docker Desktop, or: sudo systemctl start docker",
    ),
    (
        r"unable to (parse|resolve) docker (host|endpoint)",
        "{0}",
        "docker context ls lists the contexts; check DOCKER_HOST and DOCKER_CONTEXT",
    ),
    (
        r"compose' is not a docker command|unknown command: docker compose|unknown.* flag: '?(f'|--(file|short))",
        "Docker's Compose plugin is not installed",
        "install docker-compose-plugin (Compose 2.26 or later), then: samplemind doctor",
    ),
    (
        r"buildx' is not a docker command|unknown command: docker buildx|requires buildx|buildx plugin",
        "Docker's Buildx plugin is not installed",
        "install docker-buildx-plugin, then: samplemind doctor",
    ),
    (
        r"cache export (feature )?is (not|currently not) supported",
        "this engine cannot write a layer cache to a folder",
        "switch on its containerd image store, or leave out --cache-dir",
    ),
    (r"no space left on device", "the disk is full: {0}", "docker system df, then: docker system prune"),
    (r"toomanyrequests|rate limit", "the registry limits pulls: {0}", "docker login, then try again"),
    (
        rf'failed to resolve reference "(.+?)".*?{UNREACHABLE}',
        "the image {1} is not on this machine, and its registry cannot be reached: {2}",
        "check the network; or bring the image along: docker save, docker load",
    ),
    (
        rf'(?:get|head) "?https?://([^/" ]+).*?{UNREACHABLE}',
        "an image is not on this machine, and the registry {1} cannot be reached: {2}",
        "check the network; or bring the image along: docker save, docker load",
    ),
    (
        r"access denied|access to the resource is denied|unauthorized|manifest unknown|failed to resolve|no such host",
        "the registry refused an image: {0}",
        "check the image's name, the network and `docker login`",
    ),
    (
        r"port is already allocated|address already in use|ports are not available",
        "a port is taken: {0}",
        "samplemind up --auto-ports",
    ),
    *DECLARED,
    (r"is unhealthy|exited \(\d+\)", "{0}", "samplemind logs says why"),
    (r"no such service", "{0}", "samplemind ps lists the services"),
    (
        r"yaml: |validating |invalid compose|undefined |must be a mapping|invalid interpolation|required variable",
        "the compose file is broken: {0}",
        "fix it; `docker compose config` checks it",
    ),
)


def client(stack: Stack | None = None) -> "DockerClient":
    """python-on-whales, for this stack if one is given. Call it inside `translated()`."""
    from python_on_whales import DockerClient

    if stack is None:
        return DockerClient(client_call=docker_command())
    return DockerClient(
        client_call=_call(stack),
        compose_files=list(stack.files) if stack.by_option else [],
        compose_project_name=stack.project,
        compose_profiles=list(stack.profiles),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Within it, what python-on-whales raises becomes a StackError (a UsageError for an unknown service).

    It has no timeout, so the daemon is asked for its version first.
    """
    require_daemon()
    try:
        yield
    except SamplemindError:
        raise
    except Exception as error:
        from python_on_whales.exceptions import DockerException

        if isinstance(error, DockerException):
            raise failure(error.stderr or error.stdout or "") from error
        raise


def compose_command(stack: Stack, *arguments: str) -> list[str]:
    """The command line `docker compose … arguments` for a process of our own, which inherits our environment."""
    files = [word for file in stack.files for word in ("--file", str(file))] if stack.by_option else []
    project = ["--project-name", stack.project] if stack.project else []
    profiles = [word for profile in stack.profiles for word in ("--profile", profile)]
    return [*_call(stack), "compose", *files, *project, *profiles, *arguments]


def docker_command(*arguments: str) -> list[str]:
    """The command line `docker arguments`."""
    if shutil.which("docker") is None:
        raise StackError(ABSENT, "https://docs.docker.com/get-docker/")
    return ["docker", *arguments]


@contextmanager
def attended(command: list[str], stderr: int = subprocess.STDOUT) -> Iterator["subprocess.Popen[bytes]"]:
    """A running Docker command, see `reaped`; Docker itself waits for ever for a daemon that does not answer.

    After PATIENCE seconds the daemon is asked for its version. Raises StackError if it does not answer.
    """
    over, silent = Event(), Event()
    with reaped(command, stderr) as child:
        prober = Thread(target=_probe, args=(child, over, silent))
        prober.start()
        try:
            yield child
        except StackError as error:
            if silent.is_set():
                raise failure("error during connect") from error
            raise
        finally:
            over.set()
            prober.join()


def _probe(child: "subprocess.Popen[bytes]", over: Event, silent: Event) -> None:
    """Kill `child` if the daemon does not answer a probe, which is sent unless the child's work is `over` before."""
    if over.wait(PATIENCE):
        return
    deadline = time.monotonic() + SILENCE
    with reaped(docker_command("version")) as probe:
        while probe.poll() is None and not over.wait(POLL):
            if time.monotonic() > deadline:
                silent.set()
                kill(child)
                break
        kill(probe)  # docker ignores SIGTERM while it waits for the daemon


def output_of(command: list[str], timeout: float | None = None, hint: str = DOCTOR) -> str:
    """What a Docker command line prints to stdout, which changes nothing.

    Raises StackError if it fails or takes over `timeout` seconds, then with this `hint`.
    """
    with reaped(command, subprocess.PIPE) as child:
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            kill(child)  # it ignores SIGTERM while it waits; its plugin, which has the pipes too, ends with it
            raise StackError(f"Docker did not answer within {timeout:g} s", hint) from error
    if child.returncode != 0:
        raise failure(err.decode("utf-8", "replace"))
    return out.decode("utf-8", "replace")


def require_daemon() -> None:
    """Raise StackError if the daemon does not return its version within ANSWER seconds."""
    command = docker_command("version", "--format", "{{.Server.Version}}")
    with reaped(command, subprocess.PIPE) as child:
        try:
            _, stderr = child.communicate(timeout=ANSWER)
        except subprocess.TimeoutExpired as error:
            kill(child)  # docker ignores SIGTERM while it waits for the daemon
            raise failure("error during connect") from error
    if child.returncode != 0:
        raise failure(stderr.decode("utf-8", "replace"))


def config(stack: Stack, services: Iterable[str] = (), timeout: float | None = None) -> dict[str, Any]:
    """The compose files merged and filled in (`name`, `services`, `volumes`, …), as Compose prints them in JSON.

    It has the services of active profiles; with `services`, those and their dependencies, whatever their profiles.
    Raises StackError, also after `timeout` seconds, ANSWER by default.
    """
    command = compose_command(stack, "config", "--format", "json", *services)
    printed = output_of(command, timeout or ANSWER, WAITS)
    loaded: dict[str, Any] = json.loads(printed)
    return loaded


def every_service(stack: Stack) -> list[str]:
    """The names of all declared services, including inactive profiles'. Raises StackError."""
    everything = replace(stack, profiles=(EVERY_PROFILE,))
    return output_of(compose_command(everything, "config", "--services"), ANSWER, WAITS).split()


def require(services: Iterable[str], declared: Collection[str]) -> None:
    """Raise UsageError for a service that is not declared: where a project is named, Compose may ignore it."""
    for name in services:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise UsageError(f"no such service: {name}", f"the compose files declare: {known}")


def failure(stderr: str) -> SamplemindError:
    """The output of a failed Docker command as our error, with the next command to type."""
    lines = [line.strip() for line in ANSI.sub("", stderr).splitlines() if line.strip()]
    for pattern, message, hint in FAILURES:
        for line in reversed(lines):  # the last lines have the reason, the ones before are progress
            if match := re.search(pattern, line, re.IGNORECASE):
                kind = UsageError if pattern == "no such service" else StackError
                elsewhere = message == SILENT and environment().get("DOCKER_HOST")
                values = (line.removeprefix(DAEMON), *match.groups())
                return kind(message.format(*values), (ELSEWHERE if elsewhere else hint).format(*values))
    return StackError(lines[-1].removeprefix(DAEMON) if lines else "Docker failed and gave no reason", DOCTOR)


def plain(line: bytes) -> str:
    """A line of Docker's as text, without colours, cursor movements and surrounding space."""
    return ANSI.sub("", line.decode("utf-8", "replace")).strip()


def _call(stack: Stack) -> list[str]:
    """`docker` with the stack's variables, by env(1): python-on-whales cannot pass variables otherwise."""
    remote = {name: "0" for name in REMOTE if not environment().get(name)}
    files = {} if stack.by_option else {"COMPOSE_FILE": SEPARATOR.join(map(str, stack.files))}
    separator = {"COMPOSE_PATH_SEPARATOR": SEPARATOR} if files else {}
    variables = {**ALWAYS, **remote, **files, **separator, **stack.variables}
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *docker_command()]
