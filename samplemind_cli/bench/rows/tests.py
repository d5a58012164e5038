"""The project's tests: how long a person waits for them."""

import subprocess
import sys
import time
from collections.abc import Iterator

from samplemind_cli.bench.board import Run, Score, score, skipped
from samplemind_cli.child.python import find_python
from samplemind_cli.child.reaped import reaped
from samplemind_cli.settings import environment, here
from samplemind_cli.testing.project import find_project


def measure(run: Run) -> Iterator[Score]:
    """`samplemind test`, then all of them, in the project at hand; red tests measure nothing."""
    for key, options in (("tests.fast", []), ("tests.all", ["--all"])):
        if run.quick:
            yield skipped(key, "a test suite takes longer: leave out --quick")
        else:
            yield _timed(run, key, " ".join(["test", *options]))


def _timed(run: Run, key: str, words: str) -> Score:
    project = find_project(here())
    if project.config is None:
        return skipped(key, f"no pytest settings in {here()} or above")
    find_python(project.root, environment(), "pytest").require("pytest")
    run.say(f"  samplemind {words}")
    begun = time.perf_counter()
    quiet = subprocess.DEVNULL
    with reaped([sys.executable, "-m", "samplemind_cli", *words.split()], quiet, stdout=quiet) as child:
        child.wait()
    if child.returncode:
        return skipped(key, f"`samplemind {words}` ended with {child.returncode}")
    return score(key, [time.perf_counter() - begun], note=str(project.root))
