"""Chooses the profiler for CPU time: py-spy, from outside, or pyinstrument, inside the program."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import outside
from samplemind_cli.profiling.runs import ProfileRequest

PY_SPY, PYINSTRUMENT = "py-spy", "pyinstrument"
NAMES = (PY_SPY, PYINSTRUMENT)


@dataclass(frozen=True, slots=True)
class Profiler:
    """The engine for CPU time; `spy` is py-spy's program if it is that."""

    name: str
    spy: Path | None

    def packages(self, kinds: Sequence[str]) -> list[str]:
        """The packages that the profiled program's Python needs."""
        inside = {"memory": "memray", "cpu": "" if self.spy else PYINSTRUMENT}
        return [package for kind in kinds if (package := inside[kind])]

    def noted(self, request: ProfileRequest) -> ProfileRequest:
        """The request with the chosen engine."""
        return replace(request, engine=self.name) if "cpu" in request.kinds else request


def choose(request: ProfileRequest, say: Callable[[str], None]) -> Profiler:
    """The requested engine; by default py-spy, or pyinstrument if the system forbids that.

    Raises UsageError if it is forbidden or not installed.
    """
    refused = outside.refusal()
    if "cpu" not in request.kinds or request.engine == PYINSTRUMENT:
        return Profiler(PYINSTRUMENT, None)
    if refused and not request.engine:
        say(f"note: using pyinstrument, because py-spy may not attach: {refused}")
        return Profiler(PYINSTRUMENT, None)
    if refused:
        raise UsageError(f"py-spy cannot attach to the program: {refused}", "--engine pyinstrument")
    return Profiler(PY_SPY, py_spy())


def py_spy() -> Path:
    """py-spy's program. Raises UsageError if it or pyinstrument, which draws its pages, is missing."""
    spy = outside.find()
    missing = [PY_SPY] * (spy is None) + [PYINSTRUMENT] * (find_spec(PYINSTRUMENT) is None)
    if spy is None or missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            f"{sys.executable} -m pip install 'samplemind-cli[profile]'",
        )
    return spy
