"""The project's tests: how long a person waits for them."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import IO

from samplemind_cli.bench.board import BoardRun, Score, score, skipped
from samplemind_cli.child.python import OURS, find_python
from samplemind_cli.child.reaped import reaped
from samplemind_cli.settings import environment, here
from samplemind_cli.testing.project import find_project


def measure(run: BoardRun) -> Iterator[Score]:
    """`samplemind test`, then all of them, in the project at hand; red tests measure nothing."""
    for key, options in (("tests.fast", []), ("tests.all", ["--all"])):
        if run.quick:
            yield skipped(key, "a test suite takes longer: leave out --quick")
        else:
            yield _timed(run, key, " ".join(["test", *options]))


def _timed(run: BoardRun, key: str, words: str) -> Score:
    project = find_project(here())
    if project.config is None:
        return skipped(key, f"no pytest settings in {here()} or above")
    find_python(project.root, environment(), "pytest").require("pytest")
    run.say(f"  samplemind {words}")
    # Into a file, not a pipe: what a test has left behind may hold it open for long.
    with tempfile.TemporaryFile() as told:
        argv = [*OURS, *words.split()]
        begun = time.perf_counter()
        with reaped(argv, subprocess.DEVNULL, stdout=told.fileno()) as child:
            child.wait()
        seconds = time.perf_counter() - begun
        if child.returncode:
            return skipped(key, f"`samplemind {words}` ended with {child.returncode}{_red(told)}")
    return score(key, [seconds], note=str(project.root))


def _red(told: IO[bytes]) -> str:
    """The first test that pytest's summary says is red, and how many more are; empty where it names none."""
    told.seek(0)
    red = [line.decode(errors="replace").strip() for line in told if line.startswith((b"FAILED ", b"ERROR "))]
    more = f", and {len(red) - 1} more" if red[1:] else ""
    return f": {red[0]}{more}" if red else ""
