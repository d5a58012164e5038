"""Stopping the stack, and removing the data it leaves, which is named before."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.docker import EVERY_PROFILE, client, config, translated
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack, ports_file
from samplemind_cli.stack.services import COMPOSE

PROJECT = f"{COMPOSE}.project"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")  # the engine's names; its label for them is not always there
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

    @property
    def anonymous(self) -> bool:
        """Whether nothing leads to it once its container is gone."""
        return bool(_ANONYMOUS.fullmatch(self.name))


def volumes(engine: Engine, declared: Mapping[str, Any], services: Sequence[str]) -> list[Volume]:
    """The volumes that exist and belong to `services` (none: to the whole stack) alone, anonymous ones too.

    `declared` is Compose's JSON; an external volume is not the stack's. Raises StackError.
    """
    used = [*_declared(declared), *_mounted(engine, declared["name"])]
    existing = {volume["Name"]: volume for volume in engine.get("/system/df", type="volume")["Volumes"] or ()}
    if not services:
        earlier = [name for name, volume in existing.items() if _labels(volume).get(PROJECT) == declared["name"]]
        named = [volume["name"] for volume in (declared.get("volumes") or {}).values()]
        used += [("", name, "") for name in (*named, *earlier)]  # earlier: those of former versions of the files too
    shared = {name for service, name, _ in used if services and service not in services}
    places = {name: f"{service}:{target}" for service, name, target in reversed(used) if service}
    external = {volume["name"] for volume in (declared.get("volumes") or {}).values() if volume.get("external")}
    ours = {name for _, name, _ in used} - shared - external
    sizes = {name: (volume.get("UsageData") or {}).get("Size", -1) for name, volume in existing.items()}
    return [Volume(name=name, size=sizes[name], place=places.get(name, "")) for name in sorted(ours & set(sizes))]


def networks(engine: Engine, project: str) -> tuple[list[str], list[str]]:
    """The names of the networks that are left of a project: unused ones, and those that a foreign container is in.

    Compose leaves a network that the files declare no more.
    """
    unused: list[str] = []
    used: list[str] = []
    for network in engine.get("/networks", filters={"label": [f"{PROJECT}={project}"]}) or ():
        users = engine.get("/containers/json", all="1", filters={"network": [network["Id"]]})
        (used if users else unused).append(network["Name"])
    return sorted(unused), sorted(used)


def outliving(engine: Engine, project: str, services: Sequence[str]) -> list[Volume]:
    """The volumes that stay when the containers of `services` (none: all) go: named ones, and anonymous ones, which
    nothing leads to afterwards. Their sizes are not asked for: the engine counts file by file. Raises StackError.
    """
    mounted = [(name, f"{service}:{target}") for service, name, target in _mounted(engine, project)]
    places = {name: place for name, place in mounted if not services or place.partition(":")[0] in services}
    found = {volume["Name"]: _labels(volume) for volume in engine.get("/volumes")["Volumes"] or ()}
    named = {name for name, labels in found.items() if labels.get(PROJECT) == project}
    anonymous = {name for name in found if name in places and _ANONYMOUS.fullmatch(name)}
    left = sorted((named & set(places) if services else named) | anonymous)
    return [Volume(name=name, size=-1, place=places.get(name, "")) for name in left]


def _labels(volume: Mapping[str, Any]) -> Mapping[str, str]:
    return volume.get("Labels") or {}


def _declared(declared: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(service, volume, where it is mounted), of the compose files."""
    names = {key: volume["name"] for key, volume in (declared.get("volumes") or {}).items()}
    for service, definition in declared["services"].items():
        for mount in definition.get("volumes") or ():
            if mount.get("type") == "volume" and mount.get("source") in names:
                yield service, names[mount["source"]], mount["target"].rstrip("/")


def _mounted(engine: Engine, project: str) -> Iterator[tuple[str, str, str]]:
    """The same, of the containers there are, one-off ones included."""
    for container in engine.get("/containers/json", all="1", filters={"label": [f"{PROJECT}={project}"]}):
        for mount in container.get("Mounts") or ():
            if mount["Type"] == "volume":
                yield container["Labels"].get(f"{COMPOSE}.service", ""), mount["Name"], mount["Destination"].rstrip("/")


def everything(stack: Stack) -> dict[str, Any]:
    """Compose's JSON with the services of all profiles, or of the active ones where others lack a file of theirs."""
    try:
        return config(replace(stack, profiles=(EVERY_PROFILE,)))
    except StackError:
        return config(stack)


def removed(stack: Stack, services: Sequence[str], grace: int | None) -> Generator[str, None, None]:
    """Stop and remove the containers (services of any profile, with none named also those that the files declare no
    more and one-off ones) and networks; each container's name as it goes. `grace`: seconds until one is killed, else
    its own. Raises StackError.
    """
    with translated():
        compose = client(replace(stack, profiles=(EVERY_PROFILE,))).compose
        orphans = not services
        lines = compose.down(list(services) or None, remove_orphans=orphans, timeout=grace, stream_logs=True)
        yield from _gone("Removed", lines)


def stopped(stack: Stack, services: Sequence[str], grace: int | None) -> Generator[str, None, None]:
    """Stop the containers and keep them; each one's name as it stops. Raises StackError."""
    with translated():
        compose = client(replace(stack, profiles=(EVERY_PROFILE,))).compose
        yield from _gone("Stopped", compose.stop(list(services) or None, timeout=grace, stream_logs=True))


def _gone(done: str, lines: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """The containers of which Compose says that they are stopped or removed."""
    for _, line in lines:
        if found := re.match(rf"(?:\x1b\[\d*K)?\s*Container (\S+) +{done}", line.decode("utf-8", "replace")):
            yield found[1]


def remove(stack: Stack, doomed: Sequence[Volume]) -> None:
    """Remove volumes for good. Raises StackError."""
    with translated():
        client(stack).volume.remove([volume.name for volume in doomed])


def remove_networks(stack: Stack, names: Sequence[str]) -> None:
    """Remove unused networks. Raises StackError."""
    with translated():
        client(stack).network.remove(list(names))


def forget(settings: Settings, stack: Stack, project: str, services: Sequence[str]) -> None:
    """Take what was stopped out of the record; with the whole stack go the ports chosen for it."""
    record.forget(settings, project, services)
    if not services:
        ports_file(settings, stack.files[0]).unlink(missing_ok=True)
