"""The program to profile: its command line, and the Python that runs it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from samplemind_cli.child.python import OURS, Python, find_python
from samplemind_cli.errors import UsageError
from samplemind_cli.profiling.runs import ProfileRequest, split

PACKAGE = Path(__file__).parents[1]
HASH_BANG = 256  # bytes; Linux reads no more


def is_subcommand(request: ProfileRequest) -> bool:
    """Whether this is a subcommand of samplemind. A file of that name takes precedence."""
    name = request.words[0].replace("-", "_")
    exists = name.isidentifier() and (PACKAGE / "commands" / f"{name}.py").exists()
    return exists and not os.path.exists(Path(request.directory) / request.words[0])


def command_line(request: ProfileRequest, python: Path) -> list[str]:
    """The program's own command line: a subcommand of samplemind, Python's arguments, or a console script.

    A console script is searched beside `python`, then on the PATH; it runs with the Python that its first line names.
    Raises UsageError if there is no such program.
    """
    if is_subcommand(request):
        return [*OURS, *request.words]
    options, run = split(request.words)
    if options or run[0].startswith("-") or os.path.exists(Path(request.directory) / run[0]):
        return [str(python), *request.words]
    script = _console_script(run[0], python)
    if script is None:
        raise UsageError(
            f"there is no script {run[0]!r}, nor a console script or a samplemind command of that name",
            "samplemind profile --help",
        )
    return [str(_interpreter(script)), str(script), *run[1:]]


def choose_python(request: ProfileRequest, env: Mapping[str, str], *packages: str) -> Python:
    """The Python for the program: samplemind's own for its subcommands and for a service.

    Raises UsageError if it lacks one of `packages`.
    """
    directory = Path(request.directory)
    ours = bool(request.watch) or is_subcommand(request)
    hidden = {name: value for name, value in env.items() if name != "VIRTUAL_ENV"}
    python = find_python(PACKAGE if ours else directory, hidden if ours else env, *packages)
    python.require(*packages, extra="profile")
    return python


def _console_script(name: str, python: Path) -> Path | None:
    """The path of a command that is written in Python; None if there is none."""
    beside = python.parent / name
    path = str(beside) if os.path.exists(beside) else shutil.which(name)
    return Path(path) if path and _interpreter(Path(path)) else None


def _interpreter(script: Path) -> Path | None:
    """The Python in a script's first line (`#!/…/python`); None for a program in another language."""
    with script.open("rb") as opened:
        words = opened.read(HASH_BANG).partition(b"\n")[0].decode("utf-8", "replace").removeprefix("#!").split()
    named = next((word for word in words if Path(word).name.startswith("python")), None)
    path = shutil.which(named) if named else None
    return Path(path) if path else None
