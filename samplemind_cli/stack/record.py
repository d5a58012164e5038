"""The record that `up` writes of each project's stack: where its services listen, and which one it adopted."""

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files, paths
from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack.origin import StackOrigin

REDIS, OLLAMA = 6379, 11434  # ports inside the containers


def load(settings: Settings, project: str) -> dict[str, Any]:
    """A project's record, perhaps empty: `{"folder", "carried", "services": {NAME: {"target", "host", "adopted"}}}`.

    `ask` uses it in `folder` and below; the carried stack's record everywhere.
    """
    nothing = {"folder": "", "carried": False, "services": {}}
    return {**nothing, **_read(settings).get(project, {})}


def adopted(settings: Settings, project: str) -> dict[str, str]:
    """`{"ollama": "127.0.0.1:11434"}`: services outside of the stack that are used instead of its own."""
    services = load(settings, project)["services"].items()
    return {name: service["host"] for name, service in services if service.get("adopted")}


def carried(settings: Settings, service: str) -> str:
    """HOST:PORT of a service of the carried stack; empty if `up` recorded none."""
    ours = (stack["services"] for stack in _read(settings).values() if stack["carried"])
    return next((str(services[service]["host"]) for services in ours if service in services), "")


def remember(settings: Settings, project: str, origin: StackOrigin, services: Mapping[str, Mapping[str, Any]]) -> None:
    """Add services (`{NAME: {"target": 6379, "host": "127.0.0.1:6379"}}`) to the project's record.

    The record of another stack with that project's name is replaced, as Compose has replaced its containers. Addresses
    are removed from other stacks' records. Raises StackError.
    """
    with _changing(settings) as stacks:
        place = {"folder": origin.folder, "carried": origin.carried}
        before = stacks.pop(project, {})
        kept = before["services"] if before.items() >= place.items() else {}
        hosts = {host for service in services.values() for host in (service["host"], *service.get("also", ()))}
        for stack in stacks.values():
            stack["services"] = {n: _without(hosts, s) for n, s in stack["services"].items() if s["host"] not in hosts}
        stacks[project] = {**place, "services": {**kept, **services}}


def _without(hosts: Collection[str], service: dict[str, Any]) -> dict[str, Any]:
    also = [host for host in service.get("also", ()) if host not in hosts]
    return {**service, "also": also} if "also" in service else service


def forget(settings: Settings, project: str, services: Iterable[str] = ()) -> None:
    """Remove services (none: all) from the project's record. Raises StackError."""
    if project not in _read(settings):
        return
    with _changing(settings) as stacks:
        known = stacks.get(project, {"services": {}})["services"]
        for name in set(services) or set(known):
            known.pop(name, None)


def _read(settings: Settings) -> dict[str, Any]:
    try:
        stacks = json.loads(_file(settings).read_bytes())["stacks"]
        return {project: stack for project, stack in stacks.items() if _is_whole(stack)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _is_whole(stack: dict[str, Any]) -> bool:
    services = stack["services"].values()
    return {type(stack["folder"]), type(stack["carried"])} == {str, bool} and all("host" in s for s in services)


@contextmanager
def _changing(settings: Settings) -> Iterator[dict[str, Any]]:
    """All records by project, under a lock; what the block changes is written atomically at its end."""
    file = _file(settings)
    with _locked(file.parent):
        stacks = _read(settings)
        yield stacks
        kept = {project: _with_addresses(stack) for project, stack in stacks.items() if stack["services"]}
        if kept:
            write_whole(file, json.dumps({"stacks": kept}, indent=1))
        else:
            file.unlink(missing_ok=True)


def _with_addresses(stack: dict[str, Any]) -> dict[str, Any]:
    """The record with the values that `settings` reads: `redis_url` and `ollama_host`, of services of that kind."""
    addresses = {}
    for service in stack["services"].values():
        if service.get("kind") == "redis":
            addresses["redis_url"] = f"redis://{service['host']}/0"
        if service.get("kind") == "ollama":
            addresses["ollama_host"] = service["host"]
    place = {name: stack[name] for name in ("folder", "carried", "services")}
    return {**place, **addresses}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the records, unless the file system has no locks."""
    try:
        files.private_folder(folder)
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_whole(file: Path, text: str) -> None:
    """Write `text` atomically; a new folder is readable by the user only. Raises StackError."""
    try:
        files.private_folder(file.parent)
        files.write(file, text.encode())
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> StackError:
    return StackError(f"cannot write {file}: {error.strerror}", "make the folder writable, or free space")


def _file(settings: Settings) -> Path:
    return Path(settings.state_dir) / paths.STACK_FILE
