"""Which services the compose files declare, remembered: asking Compose takes as long as a whole `docker compose ps`."""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings, environment, here
from samplemind_cli.stack import dotenv
from samplemind_cli.stack.docker import config, every_service, require
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.record import write_whole

FILE = "compose.json"


def declared(settings: Settings, stack: Stack) -> tuple[str, list[str]]:
    """The project's name and its services' names; from memory while the files and the environment are the same.

    A file that these include may change unnoticed; then a new service is only told of once it has a container.
    """
    file, key = Path(settings.cache_dir) / FILE, _key(stack)
    with suppress(OSError, ValueError, LookupError, TypeError):
        known = json.loads(file.read_bytes())
        if known["key"] == key:
            return known["project"], known["services"]
    told = config(stack)
    remember(settings, stack, told)
    return told["name"], list(told["services"])


def merged(stack: Stack, services: Iterable[str] = ()) -> dict[str, Any]:
    """Compose's JSON, with `services` in it whatever their profiles, as Compose does it with services that it is told.

    Raises StackError for an unknown service.
    """
    active = config(stack)
    if set(services) <= set(active["services"]):
        return active
    require_declared(stack, active["services"], services)
    named = config(stack, services)
    sections = ("services", "networks", "volumes")
    return {**active, **{name: {**(named.get(name) or {}), **(active.get(name) or {})} for name in sections}}


def require_declared(stack: Stack, active: Collection[str], services: Iterable[str]) -> None:
    """Raise UsageError for a service that is declared nowhere; `active`: those of active profiles."""
    if missing := [name for name in services if name not in active]:
        require(missing, every_service(stack))


def remember(settings: Settings, stack: Stack, told: Mapping[str, Any]) -> None:
    """Keep what Compose's `config` told of the stack."""
    known = {"key": _key(stack), "project": told["name"], "services": list(told["services"])}
    with suppress(StackError):  # without the memory it only takes longer
        write_whole(Path(settings.cache_dir) / FILE, json.dumps(known))


def _key(stack: Stack) -> list[Any]:
    """What the answer depends on; of the environment, which may hold secrets, only a checksum."""
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
