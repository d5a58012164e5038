"""The project's tests: the time of the fast ones, and of all."""

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
    """`samplemind test`, then all tests, in the current project; skipped if tests fail."""
    for key, options in (("tests.fast", []), ("tests.all", ["--all"])):
        if run.quick:
            yield skipped(key, "a test suite takes longer: leave out --quick")
        else:
            yield _time_tests(run, key, " ".join(["test", *options]))


def _time_tests(run: BoardRun, key: str, words: str) -> Score:
    project = find_project(here())
    if project.config is None:
        return skipped(key, f"no pytest settings in {here()} or above")
    find_python(project.root, environment(), "pytest").require("pytest")
    run.say(f"  samplemind {words}")
    # Into a file, not a pipe: what a test has left behind may hold it open for long.
    with tempfile.TemporaryFile() as log:
        argv = [*OURS, *words.split()]
        started = time.perf_counter()
        with reaped(argv, subprocess.DEVNULL, stdout=log.fileno()) as child:
            child.wait()
        seconds = time.perf_counter() - started
        if child.returncode:
            return skipped(key, f"`samplemind {words}` ended with {child.returncode}{_first_failure(log)}")
    return score(key, [seconds], note=str(project.root))


def _first_failure(log: IO[bytes]) -> str:
    """The first failure in pytest's summary, and the number of further ones; "" if it has none."""
    log.seek(0)
    failed = [line.decode(errors="replace").strip() for line in log if line.startswith((b"FAILED ", b"ERROR "))]
    more = f", and {len(failed) - 1} more" if failed[1:] else ""
    return f": {failed[0]}{more}" if failed else ""
