"""Which program was typed: its command line, its name, and the Python that runs it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from samplemind_cli.child.python import OURS, Python, find_python
from samplemind_cli.errors import UsageError
from samplemind_cli.profiling.runs import Asked
from samplemind_cli.profiling.words import split

PACKAGE = Path(__file__).parents[1]
HASH_BANG = 256  # bytes; Linux reads no more


def is_subcommand(asked: Asked) -> bool:
    """Whether this is samplemind itself. A file of that name wins."""
    name = asked.words[0].replace("-", "_")
    exists = name.isidentifier() and (PACKAGE / "commands" / f"{name}.py").exists()
    return exists and not os.path.exists(Path(asked.directory) / asked.words[0])


def command_line(asked: Asked, python: Path) -> list[str]:
    """The program's own command line: a subcommand of samplemind, what Python runs, or a console script.

    A console script is looked for beside `python`, then on the PATH; it runs with the Python that its first line names.
    Raises UsageError when there is no such program.
    """
    if is_subcommand(asked):
        return [*OURS, *asked.words]
    options, run = split(asked.words)
    if options or run[0].startswith("-") or os.path.exists(Path(asked.directory) / run[0]):
        return [str(python), *asked.words]
    script = _console_script(run[0], python)
    if script is None:
        raise UsageError(
            f"there is no script {run[0]!r}, nor a console script or a samplemind command of that name",
            "samplemind profile --help",
        )
    return [str(_interpreter(script)), str(script), *run[1:]]


def choose_python(asked: Asked, env: Mapping[str, str], *packages: str) -> Python:
    """The Python for it, with `packages` installed: samplemind's own for its subcommands and for a service."""
    directory = Path(asked.directory)
    ours = bool(asked.watch) or is_subcommand(asked)
    hidden = {name: value for name, value in env.items() if name != "VIRTUAL_ENV"}
    python = find_python(PACKAGE if ours else directory, hidden if ours else env, *packages)
    python.require(*packages, extra="profile")
    return python


def _console_script(name: str, python: Path) -> Path | None:
    """A command that is written in Python; None where there is none."""
    beside = python.parent / name
    found = str(beside) if os.path.exists(beside) else shutil.which(name)
    return Path(found) if found and _interpreter(Path(found)) else None


def _interpreter(script: Path) -> Path | None:
    """The Python in a script's first line (`#!/…/python`); None for what is not written in Python."""
    with script.open("rb") as opened:
        words = opened.read(HASH_BANG).partition(b"\n")[0].decode("utf-8", "replace").removeprefix("#!").split()
    named = next((word for word in words if Path(word).name.startswith("python")), None)
    found = shutil.which(named) if named else None
    return Path(found) if found else None
