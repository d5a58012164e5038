"""Finds the stack: its compose files, project name, profiles and variables."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from samplemind_cli import trust
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings, environment, here
from samplemind_cli.stack import dotenv

Gpu = Literal["none", "nvidia", "cdi", "rocm"]

# Compose's own names in Compose's own order (compose-go, cli/options.go).
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = tuple(f"{stem}.override.{suffix}" for stem in ("compose", "docker-compose") for suffix in ("yml", "yaml"))
FOLDER = "compose"  # a project's folder of compose files, where its root has none
PACKAGE = Path(__file__).parents[1]
# Where the wheel carries `compose/`, and where a checkout (an editable install) has it.
CARRIED = (PACKAGE / FOLDER, PACKAGE.parent / FOLDER)
START_INTERVAL_SINCE = 25  # Docker Engine
_NAME = re.compile(r"^name:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A set of compose files and what they are read with.

    `files`: the base file first, overlays after it. `project`: the project's name, or None if Compose finds it in the
    files or the environment. `profiles`: those to activate; empty: those in COMPOSE_PROFILES. `variables`: values for
    the files' `${NAME}`, which override the environment's. `by_option`: the files are passed with --file, else in
    COMPOSE_FILE; only in the latter case does Compose read the current folder's .env too.
    """

    files: tuple[Path, ...]
    project: str | None = None
    profiles: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    by_option: bool = True

    def title(self, project: str = "") -> str:
        """Files and project in one line, for people."""
        carried = "samplemind's own, " if self.files[0].parent in CARRIED else ""
        name = project or self.project
        return f"stack: {carried}{', '.join(map(_short, self.files))}{f' (project {name})' if name else ''}"


def located(settings: Settings, directory: Path | None = None, gpu: Gpu = "none", engine: str = "") -> Stack:
    """The stack in force in `directory`, with its overlays: for `gpu`, for an old `engine`, and the ports `up` chose.

    In order of precedence: `compose_file` (several are joined by the path separator), COMPOSE_FILE, the project's own
    files in `directory` or above it if they are trusted (see `trust`), the folder that this package carries.
    Raises UsageError if a file is absent.
    """
    directory = directory or here()
    env_counts = _count(settings, dotenv.files(directory, environment()))
    env = dotenv.variables(directory) if env_counts else environment()
    named = _listed(settings.compose_file, os.pathsep, directory, "--file or SAMPLEMIND_COMPOSE_FILE")
    separator = env.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    listed = named or _listed(env.get("COMPOSE_FILE", ""), separator, directory, "COMPOSE_FILE")
    own = listed or _own(settings, directory)
    files = [*map(_resolved, own)] or _in(next(filter(os.path.isdir, CARRIED), CARRIED[0]))
    overlays = (*_gpu_overlay(files[0], gpu), *_engine_overlay(files[0], engine), ports_file(settings, files[0]))
    return Stack(
        files=(*files, *filter(os.path.isfile, overlays)),
        project=settings.compose_project or (None if listed else _project(files, env)),
        profiles=settings.compose_profiles,
        # In a wheel the build context is the package itself, in a checkout the folder above it.
        variables={"API_PACKAGE": "."} if files[0].parent == CARRIED[0] else {},
        # No folder's .env may redirect the carried stack, which gets prompts and answers.
        by_option=bool(named) or not own or not env_counts or files[0].absolute().parent in CARRIED,
    )


def with_ollama_outside(stack: Stack, port: int) -> Stack:
    """The same stack, with its api using the Ollama that listens on that port of this machine."""
    return replace(stack, variables={**stack.variables, "API_OLLAMA_HOST": f"http://host.docker.internal:{port}"})


def ports_file(settings: Settings, base: Path) -> Path:
    """The overlay in which `up --auto-ports` stores the free ports that it chose for the stack of this base file.

    Under another project name the same files are another stack.
    """
    key = os.fsencode(base.absolute()) + (f"\0{settings.compose_project}".encode() if settings.compose_project else b"")
    # Strangers may choose folder names, so two folders must never collide: a cryptographic hash.
    return Path(settings.state_dir) / f"ports-{blake2b(key, digest_size=16).hexdigest()}.yaml"


def _listed(value: str, separator: str, directory: Path, source: str) -> list[Path]:
    """The files that a setting names. Raises UsageError if one is absent."""
    files = [directory / name for name in value.split(separator) if name]
    for file in files:
        if not trust.present(file):
            raise UsageError(f"there is no compose file {file}", f"name one with {source}")
    _check_readable(files)  # Compose reads them several times: what comes out of a pipe is needed in a file
    return files


def _resolved(file: Path) -> Path:
    """The target of a link to one of our files: a .env beside the link must not set variables of ours."""
    real = Path(os.path.realpath(file))
    return next((folder / real.name for folder in CARRIED if os.path.realpath(folder) == str(real.parent)), file)


def _count(settings: Settings, files: Iterable[Path]) -> bool:
    """Whether each of the files counts: no other user could have written it. An absent one counts."""
    env = environment()
    return all(trust.counts(str(file), env, settings.trusted_folders) for file in files)


def _check_readable(files: Iterable[Path]) -> None:
    """Raise UsageError for a file for which Compose would wait, or with which it would fill the memory."""
    for file in filter(trust.present, files):
        if why := trust.unreadable(file.stat()):
            raise UsageError(f"cannot read {file}: {why}", f"fix or move {file}")


def _own(settings: Settings, directory: Path) -> list[Path]:
    """The nearest compose files, in `directory` or above it: a folder's own, else those in its `compose/`.

    They count only if each file that Compose might read beside them does. A `compose/` that is a repository of its own
    does not belong to the folder above it.
    """
    for folder in map(Path, trust.folders(str(directory.absolute()), environment())):
        for place in (folder, folder / FOLDER):
            files = [] if place != folder and os.path.lexists(place / ".git") else _in(place)
            beside = (*files, *filter(os.path.exists, (place / ".env", *place.glob("compose.*.yaml"))))
            if files and _count(settings, beside):
                _check_readable(beside)
                return files
    return []


def _in(folder: Path) -> list[Path]:
    """The folder's compose file and its override, as Compose itself chooses them."""
    base, override = (
        next((folder / name for name in names if trust.present(folder / name)), None) for names in (NAMES, OVERRIDES)
    )
    return [file for file in (base, override) if file] if base else []


def _project(files: list[Path], env: Mapping[str, str]) -> str | None:
    """The name of the folder around `compose/`: Compose would call every such project "compose"."""
    folder = files[0].absolute().parent
    if folder.name != FOLDER or any(_NAME.search(file.read_text("utf-8", "replace")) for file in files):
        return None
    if any(variables.get("COMPOSE_PROJECT_NAME") for variables in (env, dotenv.variables(folder))):
        return None
    name = re.sub(r"[^a-z0-9_-]", "", folder.parent.name.lower()).lstrip("_-")
    return name or None


def _gpu_overlay(base: Path, gpu: Gpu) -> list[Path]:
    if gpu == "none":
        return []
    overlay = base.with_name(f"compose.gpu.{gpu}.yaml")
    if not os.path.isfile(overlay):
        raise UsageError(f"there is no {overlay}", "write that overlay, or use --gpu none")
    return [overlay]


def _engine_overlay(base: Path, engine: str) -> list[Path]:
    """The overlay for an engine older than 25, which lacks `start_interval`. `engine` is its version, or empty."""
    major = engine.partition(".")[0]
    return [base.with_name("compose.engine24.yaml")] if major.isdigit() and int(major) < START_INTERVAL_SINCE else []


def _short(file: Path) -> str:
    """The path, relative if it is below the current folder."""
    path = file.absolute()
    return str(path.relative_to(here()) if path.is_relative_to(here()) else path)
