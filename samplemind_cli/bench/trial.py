"""`bench run`: measures a user's program, with each combination of its parameters, interleaved with a bare Python."""

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from samplemind_cli import output
from samplemind_cli.bench import evidence, gate, parameters, program_run, report
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import Score, ScoreRow
from samplemind_cli.bench.parameters import Values
from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.errors import SamplemindError

SECONDS = 5.0  # of measuring, unless the number of runs is given
MOST = 1000  # runs in this time
MEGABYTE = 1e6
TIME, CPU, MEMORY = "time", "cpu", "memory"
METRICS = {TIME: "s", CPU: "s", MEMORY: "MB"}
COLUMNS = ("METRIC", "MEDIAN", "95 % INTERVAL", "LEAST", "MOST", "RUNS")
BARE = [sys.executable, "-I", "-S", "-c", "pass"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """What to run and how often; `runs` None: as many as fit into SECONDS, at least `gate.LEAST`."""

    command: tuple[str, ...]
    directory: Path
    parameters: Values = field(default_factory=dict)
    runs: int | None = None
    warmup: int = 1
    ignore_failure: bool = False


def run(plan: TrialPlan, say: Say) -> dict[str, Any]:
    """The results of a plan: rows as on the board, three for each combination of parameters. Raises SamplemindError.

    Each row is calibrated by the time of a bare Python in the same round.
    """
    variants = parameters.combinations(plan.parameters)
    commands = [parameters.substitute(plan.command, values) for values in variants]
    _warm_up(plan, commands, say)
    bare: list[program_run.ResourceUsage] = []
    usages: list[list[program_run.ResourceUsage]] = [[] for _ in commands]
    steps: dict[int, kernel.Step] = {
        at: partial(_step, plan, command, usages[at]) for at, command in enumerate(commands)
    }
    steps[len(commands)] = lambda: bare.append(program_run.run(BARE, plan.directory))
    rounds, seconds = (plan.runs, float("inf")) if plan.runs else (MOST, SECONDS)
    kernel.interleaved(steps, rounds, seconds=seconds, least=gate.LEAST)
    rows = [_row(metric, values, usages[at], bare) for at, values in enumerate(variants) for metric in METRICS]
    scores, extras = zip(*rows, strict=True)
    document = report.document(scores)
    document["rows"] = [{**row, **extra} for row, extra in zip(document["rows"], extras, strict=True)]
    return {
        **document,
        "command": list(without_secrets(plan.command)),
        "directory": str(plan.directory),
        "parameters": {name: list(values) for name, values in plan.parameters.items()},
    }


def _warm_up(plan: TrialPlan, commands: Sequence[Sequence[str]], say: Say) -> None:
    longest = 0.0
    for command in commands:
        for _ in range(plan.warmup):
            usage, stderr = program_run.rehearse(command, plan.directory)
            _check(plan, command, usage, stderr)
            longest = max(longest, usage.seconds)
    number = f"{plan.runs}" if plan.runs else f"at least {gate.LEAST}"
    about = f", {report.amount(longest, 's')} each" if longest >= 1 else ""
    for command in commands:
        say(f"measuring: {shlex.join(command)}, {number} runs{about}")


def _step(plan: TrialPlan, command: Sequence[str], usages: list[program_run.ResourceUsage]) -> None:
    usage = program_run.run(command, plan.directory)
    _check(plan, command, usage, f"in run {len(usages) + 1}" + ("" if plan.warmup else "; --warmup 1 shows its stderr"))
    usages.append(usage)


def _check(plan: TrialPlan, command: Sequence[str], usage: program_run.ResourceUsage, details: str) -> None:
    if usage.code and not plan.ignore_failure:
        problem = f"`{shlex.join(command)}` {usage.ending}" + (f": {details}" if details else "")
        raise SamplemindError(problem, "--ignore-failure measures it anyway")


def _row(
    metric: str,
    values: Mapping[str, str],
    usages: Sequence[program_run.ResourceUsage],
    bare: Sequence[program_run.ResourceUsage],
) -> tuple[Score, dict[str, Any]]:
    """A metric of one combination, and the fields that its row has beyond those of the board."""
    name = f"{metric} {parameters.label(values)}".rstrip()
    samples, work = _samples(metric, usages), () if metric == MEMORY else _samples(metric, bare)
    failures = Counter(usage.ending for usage in usages if usage.code)
    note = "; ".join(f"{count} of {len(usages)} runs {ending}" for ending, count in failures.items())
    if metric != TIME:
        note = ""
    if metric == MEMORY and any(usage.memory <= usage.floor for usage in usages):
        note = "an upper bound: the process that starts the program uses as much itself"
    score = Score(ScoreRow(name, name, METRICS[metric]), samples, work, note)
    return score, {"parameters": dict(values), "failures": dict(failures)}


def _samples(metric: str, usages: Sequence[program_run.ResourceUsage]) -> tuple[float, ...]:
    match metric:
        case "time":
            return tuple(usage.seconds for usage in usages)
        case "cpu":
            return tuple(usage.cpu for usage in usages)
        case _:
            return tuple(usage.memory / MEGABYTE for usage in usages)


def exit_code(changes: Sequence[gate.Change], fail_over: float | None) -> int:
    """1 if any metric is worse than the gate allows, 2 if the time cannot be judged, else 0."""
    times = [change for change in changes if change.row["key"].split()[0] == TIME]
    return 1 if gate.exit_code(changes, fail_over) == 1 else gate.exit_code(times, fail_over)


def table(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The cells, by COLUMNS."""
    return [
        (
            row["metric"],
            amount(row["now"], row["unit"]),
            _interval(row),
            amount(min(row["samples"]), row["unit"]),
            amount(max(row["samples"]), row["unit"]),
            str(len(row["samples"])),
        )
        for row in rows
    ]


def _interval(row: Mapping[str, Any]) -> str:
    """The bounds of the median; "" if there are too few runs for them."""
    low, high = (amount(row[bound], row["unit"]) for bound in ("low", "high"))
    return f"{low or '?'} to {high or '?'}" if low or high else ""


def ratios(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each combination of parameters: how much longer it takes than the first one."""
    first, *others = [row for row in rows if row["key"].split()[0] == TIME]
    confidence = 1 - (1 - evidence.CONFIDENCE) / max(1, len(others))
    lines = []
    for row in others:
        pairs = list(zip(first["samples"], row["samples"], strict=True))
        low, ratio, high = evidence.paired_ratio(pairs, confidence)
        bounds = f", between {low:.3f} and {high:.3f}" if high < float("inf") else ""
        this, that = (parameters.label(it["parameters"]) for it in (row, first))
        lines.append(f"{this} takes {ratio:.3f}x as long as {that}{bounds}")
    return lines


def remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Runs that failed, and memory that is too small to be measured."""
    return [f"{row['metric']}: {row['note']}" for row in rows if row["note"]]


def amount(value: float | None, unit: str) -> str:
    """A number with its unit; less than a second in milliseconds, memory as in `ps`; "" for None."""
    if value is None:
        return ""
    if unit == "MB":
        return output.size(value * MEGABYTE)
    return report.amount(value * 1000, "ms") if value < 1 else report.amount(value, unit)
