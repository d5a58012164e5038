"""The stack's services: their state, their logs, and up, restart and stop."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.dashboard.work import Send, waited, worked
from samplemind_cli.formats.fields import BadRequestError, document
from samplemind_cli.server.message import Incoming, Reply, Stream
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.up_plan import UpPlan

TAIL = 200  # earlier lines of each service's log
WAIT = 180.0  # seconds to wait until the services are healthy


class StackLook:
    """Polls the services over one connection to Docker."""

    def __init__(self, settings: Settings) -> None:
        from samplemind_cli.stack.ps import StackWatch

        self._watch = StackWatch(settings)

    def look(self) -> dict[str, Any]:
        """The services, as in `samplemind ps --json`."""
        services = [status.as_json() for status in self._watch.look()]
        return {"project": self._watch.project, "services": services, "error": None}

    def close(self) -> None:
        """Close the connection."""
        self._watch.close()


class StackActions:
    """Does what `up`, `restart`, `stop` and `logs` do, each in a thread of its own."""

    def __init__(self, settings: Settings, draining: Callable[[], bool]) -> None:
        self._settings = settings
        self._draining = draining

    async def up(self, incoming: Incoming) -> Stream:
        """Start services; events tell their state."""
        return self._act(incoming, self._up)

    async def restart(self, incoming: Incoming) -> Stream:
        """Stop services and start them again."""
        return self._act(incoming, self._restart)

    async def stop(self, incoming: Incoming) -> Stream:
        """Stop services; the last event names the containers."""
        return self._act(incoming, self._stop)

    async def logs(self, incoming: Incoming) -> Reply | Stream:
        """The last lines; with an Accept header for events, new lines too.

        `service` in the query: of this one alone.
        """
        service = Query(incoming).text("service")
        services = [service] if service else []
        if incoming.method == "HEAD" or "text/event-stream" not in incoming.headers.get("accept", ""):
            return as_json({"lines": await waited(lambda: [*self._lines(services, [])])})
        reader, writer = os.pipe()  # following the log ends when `reader` is closed
        return worked(lambda send: self._follow(services, send, writer), lambda: os.close(reader), self._draining)

    def _act(self, incoming: Incoming, act: Callable[[tuple[str, ...], Send], None]) -> Stream:
        services = document(incoming.body).get("services", list) or []
        if not all(isinstance(name, str) for name in services):
            raise BadRequestError("services must be names", param="services")
        return worked(lambda send: act(tuple(services), send))

    def _up(self, services: tuple[str, ...], send: Send) -> None:
        from samplemind_cli.stack.engine import Engine
        from samplemind_cli.stack.up_plan import UpOptions, planned

        with Engine() as engine:
            plan = planned(self._settings, engine, UpOptions(services=services), partial(send, "note"))
            for note in plan.notes:
                send("note", note)
            self._start(plan, engine, send)

    def _restart(self, services: tuple[str, ...], send: Send) -> None:
        from samplemind_cli.stack import existing
        from samplemind_cli.stack.engine import Engine

        with Engine() as engine:
            plan = existing.planned(self._settings, engine, ["restart"], services, partial(send, "note"))
            self._start(plan, engine, send)

    def _start(self, plan: "UpPlan", engine: "Engine", send: Send) -> None:
        """Start services until all are healthy or failed, and record where they listen."""
        from samplemind_cli.stack import listening
        from samplemind_cli.stack.up import started
        from samplemind_cli.stack.up_display import UpDisplay

        board = UpDisplay()
        try:
            with closing(started(plan, engine, build=False, wait=True, timeout=WAIT)) as looks:
                for look in looks:
                    for line in board.take(look):
                        send("note", line)
        finally:
            listening.record(self._settings, plan, board.services)
        send("done", [[name, condition] for name, condition, *_ in board.rows])

    def _stop(self, services: tuple[str, ...], send: Send) -> None:
        from samplemind_cli.stack.declared import declared, require_declared
        from samplemind_cli.stack.down import stopped
        from samplemind_cli.stack.files import located

        stack = located(self._settings)
        _, active = declared(self._settings, stack)
        require_declared(stack, active, services)
        done = []
        with closing(stopped(stack, services, None)) as containers:
            for container in containers:
                send("note", f"{container}: stopped")
                done.append(container)
        send("done", done)

    def _follow(self, services: list[str], send: Send, writer: int) -> None:
        try:
            with suppress(BrokenPipeError):  # the client has disconnected
                for line in self._lines(services, ["--follow"], writer):
                    send("line", line)
        finally:
            os.close(writer)

    def _lines(self, services: list[str], options: list[str], writer: int | None = None) -> Iterator[dict[str, str]]:
        from samplemind_cli.stack.declared import declared, require_declared
        from samplemind_cli.stack.files import located
        from samplemind_cli.stack.logs import read

        stack = located(self._settings)
        project, active = declared(self._settings, stack)
        require_declared(stack, active, services)  # another word could be an option of Compose
        for line in read(stack, services, [*options, "--tail", str(TAIL)], project=project, reader=writer):
            yield {"name": line.name, "time": line.time, "level": line.level, "text": line.message}
