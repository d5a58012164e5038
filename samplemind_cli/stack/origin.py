"""Whose stack it is, the carried one or a project's, and whether its engine is on this machine."""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.settings import Settings, environment, here
from samplemind_cli.stack import dotenv
from samplemind_cli.stack.docker import PATIENCE, docker_command, output_of
from samplemind_cli.stack.files import CARRIED, Stack, ports_file
from samplemind_cli.stack.services import COMPOSE

FOLDER = "compose"  # a project may keep its compose files there instead of beside its code


@dataclass(frozen=True, slots=True)
class StackOrigin:
    """The folder of the project that a stack belongs to; `carried`: it is samplemind's own and belongs to none."""

    folder: str
    carried: bool


def origin(settings: Settings, files: Iterable[Path]) -> StackOrigin:
    """The origin of a stack's compose files. One file that is not ours makes it a project's: overlays replace images.

    The files' folder decides, never a name or a label in them, which any project can copy.
    """
    files = [*files]
    real = [*map(_real, files)]
    overlay = os.path.realpath(ports_file(settings, files[0]))  # another stack's might open ports to everybody
    ours = [os.path.realpath(folder) for folder in CARRIED]
    if all(str(file.parent) in ours or (str(file) == overlay and file != real[0]) for file in real):
        return StackOrigin("", carried=True)
    return StackOrigin(_project(real[0].parent), carried=False)


def scope(settings: Settings, stack: Stack) -> str:
    """The folder in which, and below which, a project's stack may decide where prompts go.

    If the stack's files (a .env included) are in several folders, it is the innermost one around the current folder:
    its author chose how the others are combined.
    """
    directory, overlay = os.path.realpath(here()), ports_file(settings, stack.files[0])
    files = [path for file in stack.files if file != overlay for path in (file, _real(file))]
    places = {_project(Path(os.path.realpath(file.parent))) for file in files}
    if not stack.by_option:
        env = dotenv.files(here(), environment())
        places |= {os.path.realpath(file.parent) for file in env if os.path.isfile(file)}
    if len(places) == 1:
        return places.pop()
    return max((place for place in places if _within(directory, place)), key=len, default=directory)


def _project(folder: Path) -> str:
    """The project's folder, if its compose files are in `folder`: the parent of a `compose` that is a part of it.

    A `compose` that is a repository of its own, or that is entered without a repository around it, is the project.
    """
    if folder.name != FOLDER or os.path.lexists(folder / ".git"):
        return str(folder)
    entered = _within(os.path.realpath(here()), str(folder))
    return str(folder if entered and not os.path.lexists(folder.parent / ".git") else folder.parent)


def _real(file: Path) -> Path:
    return Path(os.path.realpath(file))


def _within(directory: str, folder: str) -> bool:
    return os.path.commonpath((directory, folder)) == folder


def started_from(container: Mapping[str, Any]) -> list[Path]:
    """The compose files of a container in the engine's list, by Compose's label, which no compose file can set."""
    names = (container.get("Labels") or {}).get(f"{COMPOSE}.project.config_files", "")
    return [Path(name) for name in names.split(",") if name]


def engine_elsewhere() -> str:
    """The endpoint of an engine on another machine, where it publishes its ports; empty for one on this machine.

    Raises StackError.
    """
    inspect = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    endpoint = environment().get("DOCKER_HOST") or output_of(docker_command(*inspect), PATIENCE).strip()
    parts = urlsplit(endpoint)
    local = parts.scheme in ("", "unix", "npipe", "fd") or is_loopback(parts.hostname or "")
    return "" if local else f"{parts.scheme}://{parts.hostname}"


def is_loopback(host: str) -> bool:
    """Whether a host name or an IP address is this machine's loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
