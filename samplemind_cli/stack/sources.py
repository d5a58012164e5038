"""Which service and which replica a line of `docker compose logs` comes from: the containers' labels say it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from samplemind_cli.errors import StackError
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import COMPOSE, containers, number_of

Source = tuple[str, int]  # a service, and the container's number among the service's
OWN = ("json-file", "local", "journald")  # drivers whose logs the engine reads without a copy of its own


class Sources:
    """Knows the prefixes that Compose puts before the lines of a project's containers; asks anew for an unknown one."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._known: dict[str, Source] = {}

    def find(self, prefix: str) -> Source:
        """Where lines with that prefix come from; of a container that has gone, as its name has it."""
        if prefix not in self._known:
            with suppress(StackError), Engine() as engine:
                for container in containers(engine, self._project):
                    service = container["Labels"].get(f"{COMPOSE}.service", "")
                    source = service, number_of(container["Labels"])
                    self._known.update(dict.fromkeys(_prefixes(container["Names"], self._project, *source), source))
        return self._known.setdefault(prefix, by_name(prefix))


def by_name(prefix: str) -> Source:
    """A service and a number as Compose's own names of containers have them: `worker-2`, or `worker_2`."""
    found = re.fullmatch(r"(.+?)(?:[-_](\d+))?", prefix)
    return (found[1], int(found[2] or 1)) if found else (prefix, 1)


def _prefixes(names: Iterable[str], project: str, service: str, number: int) -> Iterator[str]:
    """A container's name, and where Compose has made it up what is left of it without the project."""
    for name in names:
        plain = name.lstrip("/")
        made_up = plain in (f"{project}{sign}{service}{sign}{number}" for sign in "-_")
        yield plain[len(project) + 1 :] if made_up else plain


def unreadable(project: str) -> dict[str, str]:
    """The services whose logs the engine does not keep, and the logging driver that they go to."""
    found = {}
    with Engine() as engine:
        for container in containers(engine, project):
            details = engine.get(f"/containers/{container['Id']}/json") or {}
            told = details.get("HostConfig", {}).get("LogConfig") or {}
            driver, options = told.get("Type", ""), told.get("Config") or {}
            if driver == "none" or (driver not in OWN and options.get("cache-disabled") == "true"):
                found[container["Labels"].get(f"{COMPOSE}.service", "")] = driver
    return found
