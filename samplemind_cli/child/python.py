"""Chooses the Python that runs the user's code, and checks which packages it has."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samplemind_cli.errors import UsageError

PROBE = Path(__file__).with_name("probe.py")
# -P: without it, Python would look for `samplemind_cli` and its imports in the current folder first.
OURS = (sys.executable, "-P", "-m", "samplemind_cli")


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter, the reason for choosing it, and its version ("python") and packages (None: not there)."""

    path: Path
    why: str
    versions: Mapping[str, str | None]

    def require(self, *packages: str, extra: str = "dev") -> None:
        """Raise UsageError for missing packages, with the command that installs them.

        In samplemind's own Python the command installs its `extra`.
        """
        if missing := [package for package in packages if not self.versions.get(package)]:
            needed = [f"samplemind-cli[{extra}]"] if self.path == Path(sys.executable) else missing
            are = "is" if len(missing) == 1 else "are"
            raise UsageError(
                f"{' and '.join(missing)} {are} not installed in {self.why} ({self.path})",
                shlex.join([str(self.path), "-m", "pip", "install", *needed]),
            )


def find_python(directory: Path, env: Mapping[str, str], *packages: str) -> Python:
    """The Python of the active environment, else of the nearest `.venv` or `venv`, else the running one.

    Folders above `directory` are searched up to the top of its git repository. Raises UsageError for a broken one.
    """
    path, why = _choose(directory, env)
    if path == Path(sys.executable) or path.parents[1] == Path(sys.prefix):  # ours: no need for a process
        from samplemind_cli.child.probe import versions

        return Python(path, why, versions(packages))
    probe = [str(path), str(PROBE), *packages]
    try:
        done = subprocess.run(probe, capture_output=True, check=True, cwd=directory, env=dict(env))  # noqa: S603 - ours
        return Python(path, why, json.loads(done.stdout))
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise UsageError(f"{path} ({why}) does not work: {error}", "repair or remove that environment") from None


def _choose(directory: Path, env: Mapping[str, str]) -> tuple[Path, str]:
    folders = [(Path(env["VIRTUAL_ENV"]), "the active environment")] if env.get("VIRTUAL_ENV") else []
    for folder in _project_folders(directory):
        folders += [(folder / name, f"the project's {name}") for name in (".venv", "venv")]
    for folder, why in folders:
        path = folder / "bin" / "python"
        if os.path.exists(path):
            return path, why
    return Path(sys.executable), "samplemind's own Python"


def _project_folders(directory: Path) -> list[Path]:
    folders = [directory, *directory.parents]
    top = next((count for count, folder in enumerate(folders) if os.path.exists(folder / ".git")), 0)
    return folders[: top + 1]
