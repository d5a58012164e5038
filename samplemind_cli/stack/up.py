"""Starts the stack and waits until every service is ready or has failed."""

import math
import re
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.stack.compose_output import ComposeOutput
from samplemind_cli.stack.docker import compose_command
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.logs import read
from samplemind_cli.stack.refusals import refused
from samplemind_cli.stack.services import (
    COMPOSE,
    ServiceState,
    containers,
    observe,
    with_absent,
    without_containers,
)
from samplemind_cli.stack.up_plan import UpPlan

POLL = 0.2  # seconds between two polls
LOG_LINES, PROBE_LINES = 20, 10
OF_A_DEPENDENCY = ("dependency failed to start", "didn't complete successfully")  # in Compose's last line
EMPTIED = "has no container to start"  # Compose's message for a service that it has just scaled to 0
# Another `up` of this project created it first. A foreign network of that name gets another message.
OVERTAKEN = re.compile(r'container name "/?(.+?)" is already in use|network with name \S+ already exists')
TRIES = 4
KILLED = 137  # 128 + SIGKILL: by a person, or out of memory


@dataclass(frozen=True, slots=True, kw_only=True)
class UpProgress:
    """One poll: seconds since the start, the services, what Compose pulls or builds, and (done, total) pulled bytes."""

    seconds: float
    services: Sequence[ServiceState]
    activity: str = ""
    pulled: tuple[float, float] = (0, 0)


def started(  # noqa: PLR0913 - `tries` is for itself
    plan: UpPlan, engine: Engine, *, build: bool, wait: bool, timeout: float, tries: int = TRIES
) -> Generator[UpProgress, None, None]:
    """Start what is planned; yields progress every POLL seconds until all is ready, or started if not `wait`.

    `timeout`, in seconds, begins once the images are present. Raises StackError with Compose's reason, or with the last
    probe and log lines of each failed service; the others keep running. Close it if you leave it early.
    """
    if plan.services and set(plan.services) <= set(plan.adopted):
        return  # without a service's name Compose would start them all
    output, began, deadline, view = ComposeOutput(), time.monotonic(), math.inf, _View(plan, engine)
    with reaped(_command(plan, build=build)) as child:
        reader = Thread(target=_read_output, args=(child, output), daemon=True)
        reader.start()
        while True:
            ended = child.poll() is not None  # before the look: what is seen after its end is the result
            services, now = view.look(output.created, ended=ended), time.monotonic()
            yield UpProgress(seconds=now - began, services=services, activity=output.activity, pulled=output.pulled)
            if deadline == math.inf and (ended or output.starting):
                deadline = now + timeout
            if now > deadline or (ended and (child.returncode or not wait or not _with_verdict("waiting", services))):
                break
            _pause(child)
    reader.join()
    code, late = child.returncode, now > deadline
    if code and tries > 1 and _would_go_now(plan, engine, "".join(output.lines[-1:])):
        yield from started(plan, engine, build=False, wait=wait, timeout=timeout, tries=tries - 1)
        return
    if failed := _failed(services, output, code, late=late) if wait or code else []:
        raise _failure(plan, failed, timeout)
    if code and not late:
        raise refused(plan.selected, plan.project, services, output.lines)


def _would_go_now(plan: UpPlan, engine: Engine, words: str) -> bool:
    """Whether what Compose gave up for is over: the same once more goes on from there."""
    if found := OVERTAKEN.search(words):
        time.sleep(POLL)  # a name is taken before its container is listed
        others = [one for one in containers(engine) if (one["Labels"] or {}).get(f"{COMPOSE}.project") != plan.project]
        return not any(f"/{found[1]}" in one["Names"] for one in others)
    return EMPTIED in words


def ready(plan: UpPlan, engine: Engine, timeout: float) -> None:
    """Wait until what was started is ready. Raises StackError like `started`."""
    view, deadline = _View(plan, engine), time.monotonic() + timeout
    while _with_verdict("waiting", services := view.look(0)) and time.monotonic() < deadline:
        time.sleep(POLL)
    if failed := _failed(services, ComposeOutput(), 0, late=time.monotonic() >= deadline):
        raise _failure(plan, failed, timeout)


def _failed(services: Sequence[ServiceState], output: ComposeOutput, code: int, *, late: bool) -> list[ServiceState]:
    """The failed services; none if Compose itself failed (an image, a port): their failure is an old one then."""
    if code and not late and not any(words in "".join(output.lines[-1:]) for words in OF_A_DEPENDENCY):
        return []
    waiting = _with_verdict("waiting", services) if late else []
    slow = [service for service in waiting if service.state in ("running", "restarting")]  # others may depend on these
    return _with_verdict("failed", services) + (slow or waiting)


def _with_verdict(verdict: str, services: Sequence[ServiceState]) -> list[ServiceState]:
    now = time.time()
    return [service for service in services if service.verdict(now) == verdict]


def _command(plan: UpPlan, *, build: bool) -> list[str]:
    """The plan's own command, or Compose's `up`, with each adopted service scaled to 0.

    Services that depend on it then start without it. Compose refuses to scale one that it would not start anyway.
    """
    if plan.command:
        return list(plan.command)
    dependencies = {name for service in plan.selected.values() for name in service.get("depends_on") or ()}
    scaled = [name for name in plan.adopted if not plan.services or name in dependencies]
    scale = [word for name in scaled for word in ("--scale", f"{name}=0")]
    # Compose 2.36 and later then report bytes; older ones ignore the variable.
    variables = {**plan.stack.variables, "COMPOSE_PROGRESS": "json"}
    stack = replace(plan.stack, variables=variables)
    named = [name for name in plan.services if name not in plan.adopted]
    return compose_command(stack, "up", "--detach", *(["--build"] if build else []), *scale, *named)


def _read_output(child: "subprocess.Popen[bytes]", output: ComposeOutput) -> None:
    with suppress(ValueError):  # the pipe is closed when the child is ended
        for line in child.stdout or ():
            output.read(line)


class _View:
    """The planned services' containers, listed again only when some were created or removed."""

    def __init__(self, plan: UpPlan, engine: Engine) -> None:
        self._names = {*plan.selected, *plan.services} - set(plan.adopted)
        self._none = without_containers(plan.selected)
        self._project, self._engine = plan.project, engine
        self._listed: list[dict[str, Any]] = []
        self._created = -1

    def look(self, created: int, *, ended: bool = False) -> list[ServiceState]:
        """The services now; `created` is how many containers were created so far, until Compose has `ended`."""
        states = observe(self._engine, self._listed)
        missing = ended and not self._names <= {service.service for service in states} | self._none.keys()
        if created != self._created or len(states) < len(self._listed) or missing:
            self._created = created
            self._listed = containers(self._engine, self._project)
            states = observe(self._engine, self._listed)
        return with_absent([s for s in states if s.service in self._names], self._names, self._none)


def _pause(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLL)
    else:
        time.sleep(POLL)


def _failure(plan: UpPlan, failed: Sequence[ServiceState], timeout: float) -> SamplemindError:
    names = " ".join(dict.fromkeys(service.service for service in failed))
    message = "\n".join(_described(plan, service, timeout) for service in failed)
    return StackError(message, f"samplemind logs {names}, fix it, then: samplemind up {names}")


def _described(plan: UpPlan, service: ServiceState, timeout: float) -> str:
    """Why the service failed, the output of its last probe, and the last lines of its log."""
    killed = " (killed; perhaps out of memory)" if service.exit_code == KILLED else ""
    reason = {
        "exited": f"ended with exit code {service.exit_code}{killed}",
        "dead": "is dead",
        "restarting": f"keeps crashing, the last time with exit code {service.exit_code}{killed}",
    }.get(service.state, "is unhealthy" if service.health == "unhealthy" else f"is not ready after {timeout:g} s")
    lines = read(plan.stack, [service.service], ["--tail", str(LOG_LINES)], project=plan.project)
    log = [line.message for line in lines if line.name == service.name]
    parts = {"last probe": service.probe.splitlines()[-PROBE_LINES:], "log": log}
    shown = [f"  {title} | {line}" for title, part in parts.items() for line in part]
    return "\n".join([f"{service.name} {reason}", *shown])
