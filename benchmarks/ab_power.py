"""How often `bench ab` is right: 20 runs with one version a tenth slower, 20 runs of the same version twice.

Wanted: "worse" at least 19 times of the first 20, and never of the second. Takes two to six minutes.
Run: python benchmarks/ab_power.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from samplemind_cli.bench import measure

RUNS = 20
WORK = "sum(i * i for i in range({count}))\n"
COUNT = 200_000
PYTHON = [sys.executable, "-I", "-S"]


def git(folder: Path, *words: str) -> None:
    """Git in a repository that knows nothing of its user."""
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, tag: str, count: int) -> None:
    """A version whose work is `count` steps."""
    (folder / "work.py").write_text(WORK.format(count=count))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", tag)
    git(folder, "tag", tag)


def a_tenth_more() -> int:
    """How many steps make the whole process, its start included, a tenth slower."""
    steps = {str(count): measure.command([*PYTHON, "-c", WORK.format(count=count)], {}) for count in (0, COUNT)}
    times = measure.interleaved(steps, 40)
    start, whole = (statistics.median(times[str(count)]) for count in (0, COUNT))
    return int(COUNT * (1 + 0.1 * whole / (whole - start)))


def verdict(folder: Path, *versions: str) -> str:
    """What `bench ab` says."""
    argv = [sys.executable, "-m", "samplemind_cli", "bench", "ab", *versions, "--json", "--seconds", "20"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        [*argv, "--", *PYTHON, "work.py"], cwd=folder, env=environment, capture_output=True, check=False
    )
    return str(json.loads(done.stdout)["verdict"])


def main() -> None:
    """Print both counts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        git(folder, "init", "--quiet")
        commit(folder, "base", COUNT)
        commit(folder, "slower", a_tenth_more())
        found = [verdict(folder, "base", "slower") for _ in range(RUNS)].count("worse")
        print(f"a tenth slower is called worse   {found} of {RUNS}   wanted: at least {RUNS - 1}")
        wrong = [verdict(folder, "base", "base") for _ in range(RUNS)].count("worse")
        print(f"the same version is called worse {wrong} of {RUNS}   wanted: never")


if __name__ == "__main__":
    main()
