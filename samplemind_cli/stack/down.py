"""Stopping the stack, and removing the data it leaves, which is named before."""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.docker import attended, client, compose_command, failure, translated
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack, ports_file
from samplemind_cli.stack.services import COMPOSE, containers

MODELS = "/.ollama"  # where an Ollama image keeps its models, below its home


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of the stack: bytes in it (-1: the engine cannot tell), `redis:/data` where it is used, if it is."""

    name: str
    size: int
    place: str = ""

    @property
    def models(self) -> bool:
        """Whether it holds Ollama's models."""
        return self.place.endswith(MODELS)


def volumes(engine: Engine, declared: Mapping[str, Any], services: Sequence[str]) -> list[Volume]:
    """The volumes that exist and belong to `services` (none: to the whole stack) alone, anonymous ones too.

    `declared` is Compose's JSON; an external volume is not the stack's. Raises StackError.
    """
    used = [*_declared(declared), *_mounted(engine, declared["name"])]
    if not services:
        used += [("", volume["name"], "") for volume in (declared.get("volumes") or {}).values()]
    shared = {name for service, name, _ in used if services and service not in services}
    places = {name: f"{service}:{target}" for service, name, target in reversed(used) if service}
    external = {volume["name"] for volume in (declared.get("volumes") or {}).values() if volume.get("external")}
    ours = {name for _, name, _ in used} - shared - external
    found = engine.get("/system/df", type="volume")["Volumes"] or ()
    sizes = {volume["Name"]: (volume.get("UsageData") or {}).get("Size", -1) for volume in found}
    return [Volume(name=name, size=sizes[name], place=places.get(name, "")) for name in sorted(ours & set(sizes))]


def _declared(declared: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(service, volume, where it is mounted), of the compose files."""
    names = {key: volume["name"] for key, volume in (declared.get("volumes") or {}).items()}
    for service, definition in declared["services"].items():
        for mount in definition.get("volumes") or ():
            if mount.get("type") == "volume" and mount.get("source") in names:
                yield service, names[mount["source"]], mount["target"].rstrip("/")


def _mounted(engine: Engine, project: str) -> Iterator[tuple[str, str, str]]:
    """The same, of the containers there are."""
    for container in containers(engine, project):
        for mount in container.get("Mounts") or ():
            if mount["Type"] == "volume":
                yield container["Labels"].get(f"{COMPOSE}.service", ""), mount["Name"], mount["Destination"].rstrip("/")


def stopped(stack: Stack, services: Sequence[str], grace: int | None, *, removing: bool) -> Generator[str, None, None]:
    """Stop and remove the containers; each one's name as it goes. `grace`: seconds until one is killed, else its own.

    `removing`: volumes will be removed after it, so python-on-whales is imported meanwhile. Raises StackError.
    """
    how = [] if grace is None else ["--timeout", str(grace)]
    lines: list[str] = []
    with attended(compose_command(stack, "down", *how, *services)) as child:
        if removing:
            import python_on_whales  # noqa: F401 - 0.3 s that Compose needs anyway
        for raw in child.stdout or ():
            lines.append(raw.decode("utf-8", "replace").strip())
            if gone := re.match(r"(?:\x1b\[\d*K)?Container (\S+) +Removed", lines[-1]):
                yield gone[1]
        if child.wait() != 0:
            raise failure("\n".join(lines))


def remove(stack: Stack, doomed: Sequence[Volume]) -> None:
    """Remove volumes for good. Raises StackError."""
    with translated():
        client(stack).volume.remove([volume.name for volume in doomed])


def forget(settings: Settings, stack: Stack, project: str, services: Sequence[str]) -> None:
    """Take what was stopped out of the record; with the whole stack go the ports chosen for it."""
    record.forget(settings, project, services)
    if not services:
        ports_file(settings, stack.files[0]).unlink(missing_ok=True)
