"""Finds the service and replica of a line of `docker compose logs`, by the containers' labels."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from samplemind_cli.errors import StackError
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import COMPOSE, containers, number_of

Source = tuple[str, int]  # a service, and the container's number within it
OWN = ("json-file", "local", "journald")  # drivers whose logs the engine can read without a cache of its own


class Sources:
    """The sources by the prefix that Compose puts before a container's lines; an unknown prefix lists them again."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._known: dict[str, Source] = {}

    def find(self, prefix: str) -> Source:
        """The source of lines with that prefix; for a removed container, the one in its name."""
        if prefix not in self._known:
            with suppress(StackError), Engine() as engine:
                for container in containers(engine, self._project):
                    service = container["Labels"].get(f"{COMPOSE}.service", "")
                    source = service, number_of(container["Labels"])
                    self._known.update(dict.fromkeys(_prefixes(container["Names"], self._project, *source), source))
        return self._known.setdefault(prefix, by_name(prefix))


def by_name(prefix: str) -> Source:
    """The service and number in a container name of Compose's: `worker-2`, or `worker_2`."""
    match = re.fullmatch(r"(.+?)(?:[-_](\d+))?", prefix)
    return (match[1], int(match[2] or 1)) if match else (prefix, 1)


def _prefixes(names: Iterable[str], project: str, service: str, number: int) -> Iterator[str]:
    """A container's names, without the project if Compose chose them."""
    for name in names:
        plain = name.lstrip("/")
        by_compose = plain in (f"{project}{sign}{service}{sign}{number}" for sign in "-_")
        yield plain[len(project) + 1 :] if by_compose else plain


def unreadable(project: str) -> dict[str, str]:
    """The services whose logs the engine cannot read, with their logging driver. Raises StackError."""
    drivers = {}
    with Engine() as engine:
        for container in containers(engine, project):
            details = engine.get(f"/containers/{container['Id']}/json") or {}
            config = details.get("HostConfig", {}).get("LogConfig") or {}
            driver, options = config.get("Type", ""), config.get("Config") or {}
            if driver == "none" or (driver not in OWN and options.get("cache-disabled") == "true"):
                drivers[container["Labels"].get(f"{COMPOSE}.service", "")] = driver
    return drivers
