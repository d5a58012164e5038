"""Which compose files are in force, with which project name and variables."""

import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from samplemind_cli import trust
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings, environment, here

Gpu = Literal["none", "nvidia", "cdi", "rocm"]

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")  # Compose's own order
PACKAGE = Path(__file__).parents[1]
# Where the wheel carries `compose/`, and where a checkout (an editable install) has it.
CARRIED = (PACKAGE / "compose", PACKAGE.parent / "compose")
START_INTERVAL_SINCE = 25  # Docker Engine
_NAME = re.compile(r"^name:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A set of compose files and what they are read with.

    `files`: the base file first, overlays after it. `project`: the project's name, or None where the files or the
    environment name it. `variables`: values for the files' `${NAME}`, stronger than the environment's.
    """

    files: tuple[Path, ...]
    project: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def located(settings: Settings, directory: Path | None = None, gpu: Gpu = "none", engine: str = "") -> Stack:
    """The stack in force in `directory`, with its overlays: for `gpu`, for an old `engine`, and the ports `up` chose.

    `compose_file` (several are joined by the path separator) wins over the project's own `compose/` in `directory` or
    above it, where that counts (see `trust`), and that over the folder this package carries.
    Raises UsageError when a file is absent.
    """
    directory = directory or here()
    named = [directory / name for name in settings.compose_file.split(os.pathsep) if name]
    for file in named:
        if not os.path.isfile(file):
            raise UsageError(f"there is no compose file {file}", "name one with --file or SAMPLEMIND_COMPOSE_FILE")
    files = named or _own(settings, directory) or _in(next(filter(os.path.isdir, CARRIED), CARRIED[0]))
    overlays = (*_gpu_overlay(files[0], gpu), *_engine_overlay(files[0], engine), ports_file(settings, files[0]))
    return Stack(
        files=(*files, *filter(os.path.isfile, overlays)),
        project=None if named else _project(files),
        # There the build context is the package itself, in a checkout the folder above it.
        variables={"API_PACKAGE": "."} if files[0].parent == CARRIED[0] else {},
    )


def with_ollama_outside(stack: Stack, port: int) -> Stack:
    """The same stack, with its api asking the Ollama that listens on that port of this machine."""
    return replace(stack, variables={**stack.variables, "API_OLLAMA_HOST": f"http://host.docker.internal:{port}"})


def ports_file(settings: Settings, base: Path) -> Path:
    """The overlay in which `up --auto-ports` remembers the free ports it chose for the stack of this base file."""
    return Path(settings.state_dir) / f"ports-{zlib.crc32(os.fsencode(base.absolute())):08x}.yaml"


def _own(settings: Settings, directory: Path) -> list[Path]:
    """The nearest project's files; a `compose/` counts only where each file that Compose might read there does."""
    env = environment()
    for folder in trust.folders(str(directory.absolute()), env):
        compose = Path(folder) / "compose"
        files = _in(compose)
        read = (*files, *filter(os.path.exists, (compose / ".env", *compose.glob("compose.*.yaml"))))
        if files and all(trust.counts(str(file), env, settings.trusted_folders) for file in read):
            return files
    return []


def _in(folder: Path) -> list[Path]:
    """The folder's compose file, and its override as Compose itself would take it."""
    base = next((folder / name for name in NAMES if os.path.isfile(folder / name)), None)
    if base is None:
        return []
    override = base.with_name(f"{base.stem}.override{base.suffix}")
    return [base, override] if os.path.isfile(override) else [base]


def _project(files: list[Path]) -> str | None:
    """The name of the folder around `compose/`: Compose would call every such project "compose"."""
    if any(_NAME.search(file.read_text("utf-8", "replace")) for file in files):
        return None
    name = re.sub(r"[^a-z0-9_-]", "", files[0].absolute().parents[1].name.lower()).lstrip("_-")
    return name or None


def _gpu_overlay(base: Path, gpu: Gpu) -> list[Path]:
    if gpu == "none":
        return []
    overlay = base.with_name(f"compose.gpu.{gpu}.yaml")
    if not os.path.isfile(overlay):
        raise UsageError(f"there is no {overlay}", "write that overlay, or say --gpu none")
    return [overlay]


def _engine_overlay(base: Path, engine: str) -> list[Path]:
    """What an engine older than 25 needs: Compose refuses `start_interval` there. `engine` is its version, or empty."""
    major = engine.partition(".")[0]
    return [base.with_name("compose.engine24.yaml")] if major.isdigit() and int(major) < START_INTERVAL_SINCE else []
