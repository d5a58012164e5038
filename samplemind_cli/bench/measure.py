"""The measuring kernel: steps timed in turns, so that what disturbs the machine disturbs them alike."""

import random
import shlex
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError

Name = TypeVar("Name")
Step = Callable[[], object]
AsyncStep = Callable[[], Awaitable[object]]
WORK = "a fixed piece of work"
TAIL = 500  # characters of what a failed command said


def interleaved(
    steps: Mapping[Name, Step], rounds: int, *, seconds: float = float("inf"), least: int = 6, seed: int = 0
) -> dict[Name, list[float]]:
    """Seconds of each step, `rounds` times: every round runs each once, in an order of its own.

    After `least` rounds it ends once `seconds` have passed. The values of one round stand at one place.
    """
    times: dict[Name, list[float]] = {name: [] for name in steps}
    ends = time.monotonic() + seconds
    for order in orders(list(steps), rounds, seed):
        for name in order:
            begun = time.perf_counter()
            steps[name]()
            times[name].append(time.perf_counter() - begun)
        if time.monotonic() > ends and len(times[name]) >= least:
            break
    return times


async def interleaved_async(
    steps: Mapping[str, AsyncStep], rounds: int, *, calls: int = 1, seed: int = 0
) -> dict[str, list[float]]:
    """The same of coroutines, in seconds per call; a turn is `calls` calls, for what is too short for a clock."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for order in orders(list(steps), rounds, seed):
        for name in order:
            begun = time.perf_counter()
            for _ in range(calls):
                await steps[name]()
            times[name].append((time.perf_counter() - begun) / calls)
    return times


def orders(names: Sequence[Name], rounds: int, seed: int = 0) -> list[list[Name]]:
    """The order of every round: shuffled, then the same backwards, so that a drift cancels out (ABBA)."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    found: list[list[Name]] = []
    while len(found) < rounds:
        order = list(names)
        draw.shuffle(order)
        found += [order, order[::-1]]
    return found[:rounds]


def fixed() -> None:
    """About 0.2 ms of pure Python: measured beside others, it tells what the machine is worth meanwhile."""
    sum(i * i for i in range(5000))


async def work() -> None:
    """The same among coroutines."""
    fixed()


def milliseconds(seconds: Sequence[float]) -> list[float]:
    """The same durations in milliseconds."""
    return [value * 1000 for value in seconds]


def command(argv: Sequence[str], env: Mapping[str, str], directory: Path | None = None) -> Step:
    """A step that runs a whole process to its end and hears nothing of it. Raises SamplemindError when it fails."""
    return lambda: _run(argv, env, directory, subprocess.DEVNULL)


def rehearse(argv: Sequence[str], env: Mapping[str, str], directory: Path | None = None) -> None:
    """Run a command once before it is measured: files get warm, and a failure can be told with its words."""
    _run(argv, env, directory, subprocess.PIPE)


def _run(argv: Sequence[str], env: Mapping[str, str], directory: Path | None, output: int) -> None:
    try:
        with reaped(argv, output, env, directory, output) as child:
            out, err = child.communicate()
    except OSError as error:
        raise SamplemindError(f"cannot start {argv[0]}: {error.strerror}", "check its name and path") from error
    if child.returncode:
        said = (err or out or b"").decode("utf-8", "replace").strip()[-TAIL:]
        raise SamplemindError(f"`{shlex.join(argv)}` ended with {child.returncode}" + (f": {said}" if said else ""))
