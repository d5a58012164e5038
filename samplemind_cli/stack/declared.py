"""The services that the compose files declare, cached: `compose config` takes as long as a whole `compose ps`."""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.settings import Settings, environment, here
from samplemind_cli.stack import dotenv
from samplemind_cli.stack.docker import EVERY_PROFILE, config, every_service, require
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.record import write_whole
from samplemind_cli.stack.services import without_containers

FILE = "compose.json"


def declared(settings: Settings, stack: Stack) -> tuple[str, list[str]]:
    """The project's name and its services' names; cached while the files and the environment are unchanged.

    A change of an included file is not noticed: a new service there appears only once it has a container.
    """
    known = _known(settings, stack)
    return known["project"], known["services"]


def declared_without(settings: Settings, stack: Stack) -> dict[str, str]:
    """The state of the declared services that are to have no container; from the same cache."""
    return dict(_known(settings, stack)["without"])


def _known(settings: Settings, stack: Stack) -> dict[str, Any]:
    key = _key(stack)
    with suppress(OSError, ValueError, LookupError, TypeError):
        known: dict[str, Any] = json.loads((Path(settings.cache_dir) / FILE).read_bytes())
        if known["key"] == key and {"project", "services", "without"} <= known.keys():
            return known
    return remember(settings, stack, config(stack))


def merged(stack: Stack, services: Iterable[str] = ()) -> dict[str, Any]:
    """Compose's JSON, with `services` in it whatever their profiles, as Compose treats services that are named.

    Raises UsageError for an unknown service, StackError.
    """
    active = config(stack)
    if set(services) <= set(active["services"]):
        return active
    require_declared(stack, active["services"], services)
    named = _with_dependencies(stack, services)
    sections = ("services", "networks", "volumes")
    return {**active, **{name: {**(named.get(name) or {}), **(active.get(name) or {})} for name in sections}}


def _with_dependencies(stack: Stack, services: Iterable[str]) -> dict[str, Any]:
    """Compose's JSON of these services and their dependencies. Raises UsageError if one's profile is not active."""
    try:
        return config(stack, services)
    except UsageError as error:
        missing = error.message.removeprefix("no such service: ")
        everything = config(replace(stack, profiles=(EVERY_PROFILE,)))["services"]
        if missing in services or missing not in everything:
            raise
        dependents = [name for name, service in everything.items() if missing in (service.get("depends_on") or {})]
        profile = everything[missing]["profiles"][0]
        raise UsageError(
            f"{' and '.join(dependents)} needs {missing}, whose profile is not active", f"add --profile {profile}"
        ) from error


def require_declared(stack: Stack, active: Collection[str], services: Iterable[str]) -> None:
    """Raise UsageError for a service that is not declared in any profile; `active`: those of active profiles."""
    if missing := [name for name in services if name not in active]:
        require(missing, every_service(stack))


def remember(settings: Settings, stack: Stack, document: Mapping[str, Any]) -> dict[str, Any]:
    """Cache the services in Compose's JSON of the stack."""
    services: Mapping[str, Any] = document["services"]
    without = without_containers(services)
    known = {"key": _key(stack), "project": document["name"], "services": list(services), "without": without}
    with suppress(StackError):  # without the cache it only takes longer
        write_whole(Path(settings.cache_dir) / FILE, json.dumps(known))
    return known


def _key(stack: Stack) -> list[Any]:
    """The cache's key; of the environment, which may hold secrets, only a checksum."""
    variables = sorted({**environment(), **stack.variables}.items())
    return [
        stack.project,
        *stack.profiles,
        zlib.crc32(repr(variables).encode("utf-8", "surrogateescape")),
        *map(_state, _read(stack)),
    ]


def _read(stack: Stack) -> list[Path]:
    folders = dict.fromkeys((stack.files[0].parent, here()))
    return [*stack.files, *(file for folder in folders for file in dotenv.files(folder, environment()))]


def _state(file: Path) -> list[Any]:
    try:
        status = file.stat()
    except OSError:
        return [str(file)]
    return [str(file.absolute()), status.st_mtime_ns, status.st_size]
