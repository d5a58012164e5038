"""The project's front end: the time of its own build."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samplemind_cli.bench import git
from samplemind_cli.bench.board import BoardRun, Score, score, skipped
from samplemind_cli.bench.measure import TAIL
from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import environment, here

KEY = "frontend.build"
FOLDERS = (".", "frontend", "web", "ui")
LIMIT = 600.0  # seconds; a build that watches its files never ends
MANAGERS = {  # by lock file
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
INSTALL = {"npm": "npm ci", "pnpm": "pnpm install", "yarn": "yarn install", "bun": "bun install"}
NEEDS = ("dependencies", "devDependencies", "optionalDependencies")
INSTALLED = ("node_modules", ".pnp.cjs")  # the latter is Yarn's


def measure(run: BoardRun) -> Iterator[Score]:
    """One build with its package.json's script, with the output of earlier builds in place."""
    if run.quick:
        yield skipped(KEY, "a build takes longer: leave out --quick")
        return
    top = _top(here())
    folder = find(here(), top)
    manager = manager_of(folder, top)
    check(folder, top, manager, environment())
    yield _time_build(run, folder, [manager, "run", "build"])


def find(folder: Path, top: Path) -> Path:
    """The first folder whose package.json has a build script, from `folder` up to `top`. Raises SamplemindError."""
    candidates = dict.fromkeys(place / name for place in _upwards(folder, top) for name in FOLDERS)
    packages = [place for place in candidates if os.path.isfile(place / "package.json")]
    for place in packages:
        scripts = _package(place).get("scripts")
        if isinstance(scripts, dict) and scripts.get("build"):
            return place
    if packages:
        names = ", ".join(str(place / "package.json") for place in packages)
        raise SamplemindError(f"no build script in {names}")
    raise SamplemindError(f"no package.json in {folder}, nor in {', '.join(FOLDERS[1:])} there")


def manager_of(folder: Path, top: Path) -> str:
    """The package manager of the nearest package.json or lock file up to `top`, else npm. Raises SamplemindError."""
    for place in _upwards(folder, top):
        if (declared := _declared(place)) in INSTALL:
            return declared
        managers = _lock_managers(place)
        if len(managers) > 1:
            problem = f"the lock files of {' and '.join(sorted(managers))} are side by side in {place}"
            raise SamplemindError(problem, "remove those of the one that is not used")
        if managers:
            return managers.pop()
    return "npm"


def check(folder: Path, top: Path, manager: str, env: Mapping[str, str]) -> None:
    """Raise SamplemindError if the package manager, Node or the dependencies are not installed."""
    for program in dict.fromkeys((manager, *(() if manager == "bun" else ("node",)))):
        if not shutil.which(program, path=env.get("PATH")):
            raise SamplemindError(f"{program} is not installed, which builds {folder}", f"install {program}")
    package = _package(folder)
    installed = any(os.path.exists(place / name) for place in _upwards(folder, top) for name in INSTALLED)
    if not installed and any(package.get(kind) for kind in NEEDS):
        locked = any(map(_lock_managers, _upwards(folder, top)))
        hint = f"cd {shlex.quote(str(folder))} && {INSTALL[manager] if locked else f'{manager} install'}"
        raise SamplemindError(f"there is no node_modules for {folder}", hint)


def _time_build(run: BoardRun, folder: Path, argv: list[str]) -> Score:
    words = shlex.join(argv)
    run.say(f"  {words} in {folder}")
    # Into a file, not a pipe: a daemon of the build may hold it open for long.
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        try:
            with reaped(argv, subprocess.STDOUT, environment(), folder, log.fileno()) as child:
                child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return skipped(KEY, f"`{words}` in {folder} had not ended after {LIMIT:.0f} s")
        seconds = time.perf_counter() - started
        if child.returncode:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL))
            output = " ".join(log.read().decode("utf-8", "replace").split())
            return skipped(KEY, f"`{words}` in {folder} ended with {child.returncode}: {output}")
    return score(KEY, [seconds], note=f"{words} in {folder}")


def _lock_managers(folder: Path) -> set[str]:
    """The package managers whose lock files are in the folder."""
    return {manager for file, manager in MANAGERS.items() if os.path.isfile(folder / file)}


def _declared(folder: Path) -> str:
    """The `packageManager` of its package.json without the version, as Corepack uses it; "" if there is none."""
    declared = _package(folder).get("packageManager") if os.path.isfile(folder / "package.json") else ""
    return declared.partition("@")[0] if isinstance(declared, str) else ""


def _package(folder: Path) -> dict[str, Any]:
    file = folder / "package.json"
    try:
        document = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise SamplemindError(f"cannot read {file}: {error}") from error
    return document if isinstance(document, dict) else {}


def _top(folder: Path) -> Path:
    """The top of the folder's repository, else the folder itself."""
    try:
        return git.repository_of(folder)
    except SamplemindError:
        return folder


def _upwards(folder: Path, top: Path) -> list[Path]:
    folders = [folder, *folder.parents]
    return folders[: folders.index(top) + 1] if top in folders else [folder]
