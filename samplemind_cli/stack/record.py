"""What `up` records of the stack: where `ask` and `models` find Redis and Ollama, and which service it adopted."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samplemind_cli import files, paths
from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings

REDIS, OLLAMA = 6379, 11434  # ports inside the containers: what a service is known by, whatever its name


def load(settings: Settings, project: str) -> dict[str, Any]:
    """The record of that project, perhaps empty: `{"project", "services": {NAME: {"target", "host", "adopted"}}}`."""
    try:
        record = json.loads(_file(settings).read_bytes())
        if record["project"] == project and isinstance(record["services"], dict):
            return dict(record)
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return {"project": project, "services": {}}


def adopted(settings: Settings, project: str) -> dict[str, str]:
    """`{"ollama": "127.0.0.1:11434"}`: services that run outside of the stack and are used in its stead."""
    services = load(settings, project)["services"].items()
    return {name: service["host"] for name, service in services if service.get("adopted")}


def remember(settings: Settings, project: str, services: Mapping[str, Mapping[str, Any]]) -> None:
    """Add services (`{NAME: {"target": 6379, "host": "127.0.0.1:6379"}}`) to the record, at once and whole."""
    _write(settings, project, {**load(settings, project)["services"], **services})


def forget(settings: Settings, project: str, services: Iterable[str] = ()) -> None:
    """Take services (none: all) out of the record; another project's record is left alone."""
    known = load(settings, project)["services"]
    gone = set(services) or set(known)
    if known:
        _write(settings, project, {name: service for name, service in known.items() if name not in gone})


def _write(settings: Settings, project: str, services: Mapping[str, Mapping[str, Any]]) -> None:
    file = _file(settings)
    if not services:
        file.unlink(missing_ok=True)
        return
    hosts = {service["target"]: service["host"] for service in services.values()}
    record: dict[str, Any] = {"project": project, "services": services}
    if REDIS in hosts:
        record["redis_url"] = f"redis://{hosts[REDIS]}/0"
    if OLLAMA in hosts:
        record["ollama_host"] = hosts[OLLAMA]
    write_whole(file, json.dumps(record, indent=1))


def write_whole(file: Path, text: str) -> None:
    """Put `text` in place at once: a reader sees the old file or the new one. A new folder is the user's alone.

    Raises StackError.
    """
    try:
        files.private_folder(file.parent)
        files.write(file, text.encode())
    except OSError as error:
        raise StackError(f"cannot write {file}: {error.strerror}", "make the folder writable, or free space") from error


def _file(settings: Settings) -> Path:
    return Path(settings.state_dir) / paths.STACK_FILE
