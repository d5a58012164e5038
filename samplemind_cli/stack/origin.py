"""Whose stack it is, the carried one or a project's, and whether its engine is on this machine."""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.settings import Settings, environment
from samplemind_cli.stack.docker import PATIENCE, docker_command, output_of
from samplemind_cli.stack.files import CARRIED
from samplemind_cli.stack.services import COMPOSE

FOLDER = "compose"  # a project may keep its compose files there instead of beside its code


@dataclass(frozen=True, slots=True)
class StackOrigin:
    """The folder of the project that a stack belongs to; `carried`: it comes with samplemind and belongs to none."""

    folder: str
    carried: bool


def origin(settings: Settings, files: Iterable[Path]) -> StackOrigin:
    """Of a stack's compose files. A single one that is not ours makes it a project's: overlays replace images.

    It is decided by where the files lie and never by a name or a label in them, which any project can copy.
    """
    real = [Path(os.path.realpath(file)) for file in files]
    ours = {*(os.path.realpath(folder) for folder in CARRIED), os.path.realpath(settings.state_dir)}
    if all(str(file.parent) in ours for file in real) and str(real[0].parent) != os.path.realpath(settings.state_dir):
        return StackOrigin("", carried=True)
    folder = real[0].parent
    return StackOrigin(str(folder.parent if folder.name == FOLDER else folder), carried=False)


def started_from(container: Mapping[str, Any]) -> list[Path]:
    """The compose files that a container of the engine's list was made from: Compose's label, which no file can set."""
    named = (container.get("Labels") or {}).get(f"{COMPOSE}.project.config_files", "")
    return [Path(name) for name in named.split(",") if name]


def engine_elsewhere() -> str:
    """The endpoint of an engine on another machine, which publishes its ports there; empty for one on this machine.

    Raises StackError.
    """
    inspect = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    endpoint = environment().get("DOCKER_HOST") or output_of(docker_command(*inspect), PATIENCE).strip()
    parts = urlsplit(endpoint)
    local = parts.scheme in ("", "unix", "npipe", "fd") or is_loopback(parts.hostname or "")
    return "" if local else f"{parts.scheme}://{parts.hostname}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address in digits is this machine's loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
