"""Corrects `docker compose logs --follow`, which misses containers and repeats lines.

Compose 2.26 lists the containers, then waits for new ones: one that starts in between is missed, and the lines of one
that it sees twice are repeated.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime

from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import ServiceState, containers, observe
from samplemind_cli.stack.sources import Source

CHECKS = (1.0, 3.0, 8.0)  # seconds after the start at which to look for missed containers
SKEW = 1.0  # seconds by which the engine's clock may be behind ours
RECENT = 5000  # lines of each container that are recognized when they are repeated


class Followed:
    """The lines seen of each container, by one `logs --follow` after another."""

    def __init__(self, project: str, services: Collection[str]) -> None:
        self._project, self._services = project, services
        self._seen: dict[Source, dict[int, None]] = {}
        self._last: dict[Source, str] = {}
        self.since = time.time()

    def is_new(self, source: Source, when: str, message: str) -> bool:
        """Whether this line was not seen before; remembers it."""
        seen, line = self._seen.setdefault(source, {}), hash((when, message))
        self._last[source] = when
        if line in seen:
            return False
        seen[line] = None
        if len(seen) > RECENT:
            del seen[next(iter(seen))]
        return True

    def missed(self) -> list[str]:
        """The options for another `logs --follow` if a container that started late has no line yet; else empty.

        It may be only quiet; following it again does no harm. Raises StackError.
        """
        with Engine() as engine:
            listed = [one for one in containers(engine, self._project) if one["State"] == "running"]
            late = [one.started for one in observe(engine, listed) if self._is_late(one)]
        self.since = time.time()
        return ["--follow", "--since", datetime.fromtimestamp(min(late), UTC).isoformat()] if late else []

    def _is_late(self, one: ServiceState) -> bool:
        selected = not self._services or one.service in self._services
        last = self._last.get((one.service, one.number))
        has_line = last and datetime.fromisoformat(last).timestamp() >= one.started
        return selected and one.started > self.since - SKEW and not has_line
