"""The measuring kernel: times steps in turns, so that disturbances affect all of them alike."""

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
TAIL = 500  # characters of a failed command's output


def interleaved(
    steps: Mapping[Name, Step], rounds: int, *, seconds: float = float("inf"), least: int = 6, seed: int = 0
) -> dict[Name, list[float]]:
    """Seconds of each step, `rounds` times: each round runs every step once, in a new order.

    After `least` rounds it ends once `seconds` have passed. The values of one round have the same index.
    """
    times: dict[Name, list[float]] = {name: [] for name in steps}
    ends = time.monotonic() + seconds
    for order in orders(list(steps), rounds, seed):
        for name in order:
            started = time.perf_counter()
            steps[name]()
            times[name].append(time.perf_counter() - started)
        if time.monotonic() > ends and len(times[name]) >= least:
            break
    return times


async def interleaved_async(
    steps: Mapping[str, AsyncStep], rounds: int, *, calls: int = 1, seed: int = 0
) -> dict[str, list[float]]:
    """The same for coroutines, in seconds per call; each turn makes `calls` calls, for very short ones."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for order in orders(list(steps), rounds, seed):
        for name in order:
            started = time.perf_counter()
            for _ in range(calls):
                await steps[name]()
            times[name].append((time.perf_counter() - started) / calls)
    return times


def orders(names: Sequence[Name], rounds: int, seed: int = 0) -> list[list[Name]]:
    """The order of each round: shuffled, then reversed, so that a drift cancels out (ABBA)."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    result: list[list[Name]] = []
    while len(result) < rounds:
        order = list(names)
        draw.shuffle(order)
        result += [order, order[::-1]]
    return result[:rounds]


def fixed_work() -> None:
    """About 0.2 ms of pure Python, which shows the machine's speed at the time."""
    sum(i * i for i in range(5000))


async def work() -> None:
    """The same as a coroutine."""
    fixed_work()


def milliseconds(seconds: Sequence[float]) -> list[float]:
    """The same durations in milliseconds."""
    return [value * 1000 for value in seconds]


def command(argv: Sequence[str], env: Mapping[str, str], directory: Path | None = None) -> Step:
    """A step that runs a process to its end and discards its output. The step raises SamplemindError if it fails."""
    return lambda: _run(argv, env, directory, subprocess.DEVNULL)


def rehearse(argv: Sequence[str], env: Mapping[str, str], directory: Path | None = None) -> None:
    """Run a command once before the measuring, to warm up files. Raises SamplemindError with its output if it fails."""
    _run(argv, env, directory, subprocess.PIPE)


def _run(argv: Sequence[str], env: Mapping[str, str], directory: Path | None, output: int) -> None:
    try:
        with reaped(argv, output, env, directory, output) as child:
            out, err = child.communicate()
    except OSError as error:
        raise SamplemindError(f"cannot start {argv[0]}: {error.strerror}", "check its name and path") from error
    if child.returncode:
        tail = (err or out or b"").decode("utf-8", "replace").strip()[-TAIL:]
        raise SamplemindError(f"`{shlex.join(argv)}` ended with {child.returncode}" + (f": {tail}" if tail else ""))
