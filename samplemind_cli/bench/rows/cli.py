"""The command line: whole processes, interleaved with `python -c pass`."""

import itertools
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import BoardRun, Score, ScoreRow, score, skipped, why
from samplemind_cli.child.python import OURS
from samplemind_cli.errors import SamplemindError
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import environment

BARE = "python -c pass"
PACKAGE = Path(__file__).parents[2]
MODEL = "bench"
SECONDS = 40.0  # for the whole processes
QUICK = 5.0  # the same with --quick
START_TARGET = 8.0  # times `python -c pass`, the same as for `--help`


def measure(run: BoardRun) -> Iterator[Score]:
    """The hot path, a fresh question, and the start-up of every command, against a mock without latency."""
    with MockServer() as server:
        times = whole_processes(run.folder, server, rounds=60, seconds=QUICK if run.quick else SECONDS)
    bare, note = times[BARE], "against a 0-ms mock"
    yield score("cli.repeated", kernel.milliseconds(times["ask again"]), bare, note)
    yield score("cli.repeated-ratio", ratios(times, "ask again"), note=note)
    yield score("cli.version", ratios(times, "--version"))
    yield score("cli.help", ratios(times, "--help"))
    if "curl" in times:
        beyond = [ask - curl for ask, curl in zip(times["ask"], times["curl"], strict=True)]
        yield score("cli.uncached", kernel.milliseconds(beyond), bare, note)
    else:
        yield skipped("cli.uncached", "curl is not installed; there is nothing to compare with")
    run.say("  the start of every command")
    yield from _start_ups(run)


def whole_processes(folder: Path, server: MockServer, *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Seconds of `ask again`, `ask`, `curl` (where there is one), `--version`, `--help` and BARE, interleaved."""
    env = sandbox(folder, server)
    again = [*program(), "ask", "--model", MODEL, "What key is A C# E?"]
    number = itertools.count()

    def ask_anew() -> None:
        kernel.command([*program(), "ask", "--model", MODEL, f"Question {next(number)}"], env, folder)()

    steps: dict[str, kernel.Step] = {
        BARE: kernel.command([sys.executable, "-c", "pass"], env, folder),
        "ask again": kernel.command(again, env, folder),
        "--version": kernel.command([*program(), "--version"], env, folder),
        "--help": kernel.command([*program(), "--help"], env, folder),
        "ask": ask_anew,
    }
    if curl := shutil.which("curl"):
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Question"}]})
        steps["curl"] = kernel.command([curl, "--silent", "--data", body, f"{server.url}/api/chat"], env, folder)
    kernel.rehearse(again, env, folder)
    kernel.interleaved(steps, 1)  # warms up files
    return kernel.interleaved(steps, rounds, seconds=seconds)


def start_ups(folder: Path, rounds: int) -> tuple[dict[str, list[float]], dict[str, SamplemindError]]:
    """Seconds of each command's `--help`, and of BARE; and the commands that failed, with the error."""
    env, failed = sandbox(folder), {}
    steps = {BARE: kernel.command([sys.executable, "-c", "pass"], env, folder)}
    for path in sorted((PACKAGE / "commands").glob("[!_]*.py")):
        name = path.stem.replace("_", "-")
        argv = [*program(), name, "--help"]
        try:
            kernel.rehearse(argv, env, folder)
            steps[name] = kernel.command(argv, env, folder)
        except SamplemindError as error:
            failed[name] = error
    return kernel.interleaved(steps, rounds), failed


def _start_ups(run: BoardRun) -> Iterator[Score]:
    times, failed = start_ups(run.folder, rounds=2 if run.quick else 20)
    for name in sorted({*times, *failed} - {BARE}):
        row = ScoreRow(f"cli.start-{name}", f"{name} --help / python -c pass", "x", START_TARGET)
        if name in failed:
            yield Score(row, reason=why(failed[name]))
        else:
            yield Score(row, tuple(ratios(times, name)))


def program() -> list[str]:
    """The installed command of this interpreter, or else the module."""
    script = Path(sys.executable).with_name("samplemind")
    return [str(script)] if script.is_file() else [*OURS]


def sandbox(folder: Path, server: MockServer | None = None) -> dict[str, str]:
    """An environment that does not use the user's caches and settings, and no provider but the mock.

    Compiled modules are cached, as in an installed package; else each start would compile them again.
    """
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    ours = {"SAMPLEMIND_REDIS_URL": "", "SAMPLEMIND_CACHE": "", "PYTHONDONTWRITEBYTECODE": ""}
    return environment(**homes, **ours, **(server.exports if server else {}))


def ratios(times: dict[str, list[float]], name: str) -> list[float]:
    """Each round's time divided by that of BARE in the same round."""
    return [own / bare for own, bare in zip(times[name], times[BARE], strict=True)]
