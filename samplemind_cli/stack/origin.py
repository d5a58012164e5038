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
    """The folder of the project that a stack belongs to; `carried`: it comes with samplemind and belongs to none."""

    folder: str
    carried: bool


def origin(settings: Settings, files: Iterable[Path]) -> StackOrigin:
    """Of a stack's compose files. A single one that is not ours makes it a project's: overlays replace images.

    It is decided by where the files lie and never by a name or a label in them, which any project can copy.
    """
    files = [*files]
    real = [*map(_real, files)]
    overlay = os.path.realpath(ports_file(settings, files[0]))  # that of another stack may open ports to everybody
    ours = [os.path.realpath(folder) for folder in CARRIED]
    if all(str(file.parent) in ours or (str(file) == overlay and file != real[0]) for file in real):
        return StackOrigin("", carried=True)
    return StackOrigin(_project(real[0].parent), carried=False)


def scope(settings: Settings, stack: Stack) -> str:
    """The folder in which, and below which, a project's stack may say where prompts go.

    Of several places that have a say (files from here and there, a .env) it is the innermost around the current folder:
    whoever made that one chose what the others are made into.
    """
    directory, overlay = os.path.realpath(here()), ports_file(settings, stack.files[0])
    files = [way for file in stack.files if file != overlay for way in (file, _real(file))]
    places = {_project(Path(os.path.realpath(file.parent))) for file in files}
    if not stack.by_option:
        env = dotenv.files(here(), environment())
        places |= {os.path.realpath(file.parent) for file in env if os.path.isfile(file)}
    if len(places) == 1:
        return places.pop()
    return max((place for place in places if _within(directory, place)), key=len, default=directory)


def _project(folder: Path) -> str:
    """The folder of a project with compose files there: the one above `compose`, where that is a part of it.

    It is none of a repository of its own that is called so, nor of a folder that was entered on its own.
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
