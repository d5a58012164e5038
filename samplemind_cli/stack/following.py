"""What `docker compose logs --follow` misses and tells twice.

Compose 2.26 lists the containers, then waits for those that start: one that starts in between is missed, and the lines
of one that it finds both ways come twice.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime

from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import ServiceState, containers, observe
from samplemind_cli.stack.sources import Source

CHECKS = (1.0, 3.0, 8.0)  # seconds after its start at which a missed container is looked for
SKEW = 1.0  # seconds by which the engine's clock may be behind ours
RECENT = 5000  # lines of each container that are known again


class Followed:
    """The lines that were told of each container, since one follower after the other began."""

    def __init__(self, project: str, services: Collection[str]) -> None:
        self._project, self._services = project, services
        self._told: dict[Source, dict[int, None]] = {}
        self._last: dict[Source, str] = {}
        self.since = time.time()

    def is_new(self, source: Source, when: str, message: str) -> bool:
        """Whether this line was not told before; it is from now on."""
        told, line = self._told.setdefault(source, {}), hash((when, message))
        self._last[source] = when
        if line in told:
            return False
        told[line] = None
        if len(told) > RECENT:
            del told[next(iter(told))]
        return True

    def missed(self) -> list[str]:
        """Options for a new follower, where a container started after the last one and has told nothing; else empty.

        To follow again one that is silent does no harm. Raises StackError.
        """
        with Engine() as engine:
            listed = [one for one in containers(engine, self._project) if one["State"] == "running"]
            late = [one.started for one in observe(engine, listed) if self._is_late(one)]
        self.since = time.time()
        return ["--follow", "--since", datetime.fromtimestamp(min(late), UTC).isoformat()] if late else []

    def _is_late(self, one: ServiceState) -> bool:
        wanted = not self._services or one.service in self._services
        last = self._last.get((one.service, one.number))
        heard = last and datetime.fromisoformat(last).timestamp() >= one.started
        return wanted and one.started > self.since - SKEW and not heard
