"""Stops the stack, and lists and removes the volumes and networks that are left."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.docker import EVERY_PROFILE, client, config, plain, translated
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack, ports_file
from samplemind_cli.stack.services import COMPOSE

PROJECT = f"{COMPOSE}.project"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")  # the engine's names for them; its label is not always set
MODELS = "/.ollama"  # where an Ollama image keeps its models, below its home


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of the stack: its bytes (-1: unknown), and where it is mounted, `redis:/data`; empty: nowhere."""

    name: str
    size: int
    place: str = ""

    @property
    def models(self) -> bool:
        """Whether it holds Ollama's models."""
        return self.place.endswith(MODELS)

    @property
    def anonymous(self) -> bool:
        """Whether it has no name by which it could be found once its container is gone."""
        return bool(_ANONYMOUS.fullmatch(self.name))


def volumes(engine: Engine, declared: Mapping[str, Any], services: Sequence[str]) -> list[Volume]:
    """The existing volumes that only `services` (none: only the stack) use, including anonymous ones.

    `declared` is Compose's JSON; external volumes are left out. Raises StackError.
    """
    used = [*_declared(declared), *_mounted(engine, declared["name"])]
    existing = {volume["Name"]: volume for volume in engine.get("/system/df", type="volume")["Volumes"] or ()}
    if not services:
        earlier = [name for name, volume in existing.items() if _labels(volume).get(PROJECT) == declared["name"]]
        named = [volume["name"] for volume in (declared.get("volumes") or {}).values()]
        used += [("", name, "") for name in (*named, *earlier)]  # earlier: of previous versions of the files
    shared = {name for service, name, _ in used if services and service not in services}
    places = {name: f"{service}:{target}" for service, name, target in reversed(used) if service}
    external = {volume["name"] for volume in (declared.get("volumes") or {}).values() if volume.get("external")}
    ours = {name for _, name, _ in used} - shared - external
    sizes = {name: (volume.get("UsageData") or {}).get("Size", -1) for name, volume in existing.items()}
    return [Volume(name=name, size=sizes[name], place=places.get(name, "")) for name in sorted(ours & set(sizes))]


def networks(engine: Engine, project: str) -> tuple[list[str], list[str]]:
    """The names of a project's remaining networks: unused ones, and those that other containers are in.

    Compose does not remove a network that the files no longer declare. Raises StackError.
    """
    unused: list[str] = []
    used: list[str] = []
    for network in engine.get("/networks", filters={"label": [f"{PROJECT}={project}"]}) or ():
        users = engine.get("/containers/json", all="1", filters={"network": [network["Id"]]})
        (used if users else unused).append(network["Name"])
    return sorted(unused), sorted(used)


def outliving(engine: Engine, project: str, services: Sequence[str]) -> list[Volume]:
    """The volumes that remain after the containers of `services` (none: all) are removed, named or anonymous.

    Their sizes are left out: the engine counts them file by file. Raises StackError.
    """
    mounted = [(name, f"{service}:{target}") for service, name, target in _mounted(engine, project)]
    places = {name: place for name, place in mounted if not services or place.partition(":")[0] in services}
    existing = {volume["Name"]: _labels(volume) for volume in engine.get("/volumes")["Volumes"] or ()}
    named = {name for name, labels in existing.items() if labels.get(PROJECT) == project}
    anonymous = {name for name in existing if name in places and _ANONYMOUS.fullmatch(name)}
    left = sorted((named & set(places) if services else named) | anonymous)
    return [Volume(name=name, size=-1, place=places.get(name, "")) for name in left]


def _labels(volume: Mapping[str, Any]) -> Mapping[str, str]:
    return volume.get("Labels") or {}


def _declared(declared: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(service, volume, mount point) of each mount in the compose files."""
    names = {key: volume["name"] for key, volume in (declared.get("volumes") or {}).items()}
    for service, definition in declared["services"].items():
        for mount in definition.get("volumes") or ():
            if mount.get("type") == "volume" and mount.get("source") in names:
                yield service, names[mount["source"]], mount["target"].rstrip("/")


def _mounted(engine: Engine, project: str) -> Iterator[tuple[str, str, str]]:
    """The same for the existing containers, including one-off ones."""
    for container in engine.get("/containers/json", all="1", filters={"label": [f"{PROJECT}={project}"]}):
        for mount in container.get("Mounts") or ():
            if mount["Type"] == "volume":
                yield container["Labels"].get(f"{COMPOSE}.service", ""), mount["Name"], mount["Destination"].rstrip("/")


def everything(stack: Stack) -> dict[str, Any]:
    """Compose's JSON with the services of all profiles; of the active ones if others lack a file. Raises StackError."""
    try:
        return config(replace(stack, profiles=(EVERY_PROFILE,)))
    except StackError:
        return config(stack)


def removed(stack: Stack, services: Sequence[str], grace: int | None) -> Generator[str, None, None]:
    """Stop and remove the containers of `services` and the networks; yields each container's name as it is removed.

    None named: the containers of all profiles, one-off ones, and those that the files no longer declare. `grace`:
    seconds until a container is killed, by default its own setting. Raises StackError.
    """
    with translated():
        compose = client(replace(stack, profiles=(EVERY_PROFILE,))).compose
        orphans = not services
        lines = compose.down(list(services) or None, remove_orphans=orphans, timeout=grace, stream_logs=True)
        yield from _containers("Removed", lines)


def stopped(stack: Stack, services: Sequence[str], grace: int | None) -> Generator[str, None, None]:
    """Stop the containers without removing them; yields each one's name as it stops. Raises StackError."""
    with translated():
        compose = client(replace(stack, profiles=(EVERY_PROFILE,))).compose
        yield from _containers("Stopped", compose.stop(list(services) or None, timeout=grace, stream_logs=True))


def _containers(event: str, lines: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """The containers for which Compose printed this event."""
    for _, line in lines:
        if match := re.match(rf"Container (\S+) +{event}", plain(line)):
            yield match[1]


def remove(stack: Stack, doomed: Sequence[Volume]) -> None:
    """Delete volumes. Raises StackError."""
    with translated():
        client(stack).volume.remove([volume.name for volume in doomed])


def remove_networks(stack: Stack, names: Sequence[str]) -> None:
    """Remove unused networks. Raises StackError."""
    with translated():
        client(stack).network.remove(list(names))


def forget(settings: Settings, stack: Stack, project: str, services: Sequence[str]) -> None:
    """Remove the services (none: all, and the ports chosen for the stack) from the record. Raises StackError."""
    record.forget(settings, project, services)
    if not services:
        ports_file(settings, stack.files[0]).unlink(missing_ok=True)
