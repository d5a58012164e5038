"""The stack's services: how they are, what they log, and up, restart and stop."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.dashboard.work import Tell, waited, worked
from samplemind_cli.formats.fields import BadRequestError, document
from samplemind_cli.server.message import Incoming, Reply, Stream
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.up_plan import UpPlan

TAIL = 200  # lines of each service's log, before those that come
WAIT = 180.0  # seconds to wait for health


class StackLook:
    """A watch on the services, over one connection to Docker."""

    def __init__(self, settings: Settings) -> None:
        from samplemind_cli.stack.ps import StackWatch

        self._watch = StackWatch(settings)

    def look(self) -> dict[str, Any]:
        """As `samplemind ps --json` has it."""
        services = [status.as_json() for status in self._watch.look()]
        return {"project": self._watch.project, "services": services, "error": None}

    def close(self) -> None:
        """End the connection."""
        self._watch.close()


class StackActions:
    """What `up`, `restart`, `stop` and `logs` do, each in a thread of its own."""

    def __init__(self, settings: Settings, draining: Callable[[], bool]) -> None:
        self._settings = settings
        self._draining = draining

    async def up(self, incoming: Incoming) -> Stream:
        """Start services; each event says how they are."""
        return self._acted(incoming, self._up)

    async def restart(self, incoming: Incoming) -> Stream:
        """Stop them and start them again."""
        return self._acted(incoming, self._restart)

    async def stop(self, incoming: Incoming) -> Stream:
        """Stop them; the last event names the containers."""
        return self._acted(incoming, self._stop)

    async def logs(self, incoming: Incoming) -> Reply | Stream:
        """The last lines, and with an Accept header that asks for events those that come too.

        `service` in the query: of this one alone.
        """
        service = Query(incoming).text("service")
        named = [service] if service else []
        if incoming.method == "HEAD" or "text/event-stream" not in incoming.headers.get("accept", ""):
            return as_json({"lines": await waited(lambda: [*self._lines(named, [])])})
        ours, theirs = os.pipe()  # reading the log ends when `ours` is closed
        return worked(lambda tell: self._follow(named, tell, theirs), lambda: os.close(ours), self._draining)

    def _acted(self, incoming: Incoming, act: Callable[[tuple[str, ...], Tell], None]) -> Stream:
        named = document(incoming.body).get("services", list) or []
        if not all(isinstance(name, str) for name in named):
            raise BadRequestError("services must be names", param="services")
        return worked(lambda tell: act(tuple(named), tell))

    def _up(self, named: tuple[str, ...], tell: Tell) -> None:
        from samplemind_cli.stack.engine import Engine
        from samplemind_cli.stack.up_plan import UpOptions, planned

        with Engine() as engine:
            plan = planned(self._settings, engine, UpOptions(services=named), _noting(tell))
            for note in plan.notes:
                tell("note", note)
            self._followed(plan, engine, tell)

    def _restart(self, named: tuple[str, ...], tell: Tell) -> None:
        from samplemind_cli.stack import existing
        from samplemind_cli.stack.engine import Engine

        with Engine() as engine:
            self._followed(existing.planned(self._settings, engine, ["restart"], named, _noting(tell)), engine, tell)

    def _followed(self, plan: "UpPlan", engine: "Engine", tell: Tell) -> None:
        """Follow a start to its end, and remember where the services listen."""
        from samplemind_cli.stack import listening
        from samplemind_cli.stack.up import started
        from samplemind_cli.stack.up_display import UpDisplay

        board = UpDisplay()
        try:
            with closing(started(plan, engine, build=False, wait=True, timeout=WAIT)) as looks:
                for look in looks:
                    for line in board.take(look):
                        tell("note", line)
        finally:
            listening.record(self._settings, plan, board.services)
        tell("done", [[name, condition] for name, condition, *_ in board.rows])

    def _stop(self, named: tuple[str, ...], tell: Tell) -> None:
        from samplemind_cli.stack.declared import declared, require_declared
        from samplemind_cli.stack.down import stopped
        from samplemind_cli.stack.files import located

        stack = located(self._settings)
        _, active = declared(self._settings, stack)
        require_declared(stack, active, named)
        done = []
        with closing(stopped(stack, named, None)) as containers:
            for container in containers:
                tell("note", f"{container}: stopped")
                done.append(container)
        tell("done", done)

    def _follow(self, named: list[str], tell: Tell, reader: int) -> None:
        try:
            with suppress(BrokenPipeError):  # nobody listens any more
                for line in self._lines(named, ["--follow"], reader):
                    tell("line", line)
        finally:
            os.close(reader)

    def _lines(self, named: list[str], options: list[str], reader: int | None = None) -> Iterator[dict[str, str]]:
        from samplemind_cli.stack.declared import declared, require_declared
        from samplemind_cli.stack.files import located
        from samplemind_cli.stack.logs import read

        stack = located(self._settings)
        project, active = declared(self._settings, stack)
        require_declared(stack, active, named)  # what is none may be an option of Compose's
        for line in read(stack, named, [*options, "--tail", str(TAIL)], project=project, reader=reader):
            yield {"name": line.name, "time": line.time, "level": line.level, "text": line.message}


def _noting(tell: Tell) -> Callable[[str], None]:
    return lambda text: tell("note", text)
