"""Which profiler takes the time: py-spy from outside, or pyinstrument inside of the program."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import outside
from samplemind_cli.profiling.runs import Asked

PY_SPY, PYINSTRUMENT = "py-spy", "pyinstrument"
NAMES = (PY_SPY, PYINSTRUMENT)


@dataclass(frozen=True, slots=True)
class Profiler:
    """The engine for the time, and py-spy's program when it is that."""

    name: str
    spy: Path | None

    def packages(self, kinds: Sequence[str]) -> list[str]:
        """What the program's own Python must have installed."""
        inside = {"memory": "memray", "cpu": "" if self.spy else PYINSTRUMENT}
        return [package for kind in kinds if (package := inside[kind])]

    def noted(self, asked: Asked) -> Asked:
        """With the engine that was chosen."""
        return replace(asked, engine=self.name) if "cpu" in asked.kinds else asked


def choose(asked: Asked, say: Callable[[str], None]) -> Profiler:
    """The engine asked for; else py-spy, and pyinstrument where the system does not allow that.

    Raises UsageError, with the command that installs it, when it is not here.
    """
    refused = outside.refusal()
    if "cpu" not in asked.kinds or asked.engine == PYINSTRUMENT:
        return Profiler(PYINSTRUMENT, None)
    if refused and not asked.engine:
        say(f"note: using pyinstrument, because py-spy may not attach: {refused}")
        return Profiler(PYINSTRUMENT, None)
    if refused:
        raise UsageError(f"py-spy cannot attach to the program: {refused}", "--engine pyinstrument")
    return Profiler(PY_SPY, py_spy())


def py_spy() -> Path:
    """The program, with what draws its pages beside it. Raises UsageError when one is missing."""
    spy = outside.find()
    missing = [PY_SPY] * (spy is None) + [PYINSTRUMENT] * (find_spec(PYINSTRUMENT) is None)
    if spy is None or missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            f"{sys.executable} -m pip install 'samplemind-cli[profile]'",
        )
    return spy
