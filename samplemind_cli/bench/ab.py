"""Measures two versions in turns until the ratio of their times is known precisely enough for a verdict."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from samplemind_cli.bench import evidence, git, trees
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.evidence import Judgement
from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.errors import SamplemindError

LOOKS = 4  # interim analyses; each may be wrong by chance, so each gets a part of the allowed error
CONFIDENCE = 1 - (1 - evidence.CONFIDENCE) / LOOKS
LEAST = evidence.needed(0.5, CONFIDENCE)  # pairs; fewer give no upper bound
FIRST = 40  # pairs before the first look; each further look doubles them
EXIT = {"better": 0, "no worse": 0, "worse": 1, "inconclusive": 2}


@dataclass(slots=True)
class Comparison:
    """Pairs of seconds (base, candidate) in the order of measurement, and the ratio candidate / base."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    low: float = 0.0
    ratio: float = 1.0
    high: float = float("inf")
    verdict: Judgement = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbPlan:
    """What to compare and how: two versions, a command (none: the project's default), how to install them.

    `margin`: the slowdown to ignore, as a share; `seconds`: the limit of the measuring.
    """

    versions: tuple[git.Version, git.Version]
    command: Sequence[str] = ()
    setup: str | None = None
    margin: float = evidence.MARGIN
    seconds: float = 120.0


def run(folder: Path, plan: AbPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Check out both versions, run each once in their counterpart of `folder`, and compare: see `document`."""
    repository = git.repository_of(folder)
    inside = git.run(folder, "rev-parse", "--show-prefix").stdout.removesuffix("\n")
    with trees.checkouts(repository, plan.versions, inside, say) as sides:
        argv = list(plan.command) or trees.default_command(sides[0].project)
        base, candidate = (kernel.command(*_prepare(argv, side, plan, say)) for side in sides)
        say(f"measuring: {shlex.join(argv)}")
        comparison = compare(
            base, candidate, margin=plan.margin, seconds=plan.seconds, watch=lambda now: say(f"  {_one_line(now)}")
        )
    return document(comparison, [version.name for version in plan.versions], argv, plan.margin)


def _prepare(
    argv: Sequence[str], side: trees.Tree, plan: AbPlan, say: Callable[[str], None]
) -> tuple[list[str], Mapping[str, str], Path]:
    """A side's command, after one run, so that a failure comes before the other side is installed.

    Raises SamplemindError.
    """
    tree = trees.prepare(side, plan.setup, say)
    if not plan.command:  # in a package's own folder its modules could shadow the standard library
        tree = replace(tree, directory=tree.project)
    arm = trees.locate(argv, tree)
    try:
        kernel.rehearse(*arm)
    except SamplemindError as error:
        hint = error.hint or "--setup COMMAND prepares each version"
        raise SamplemindError(f"in {side.version.name}, {error.message}", hint) from error
    return arm


def compare(
    base: kernel.Step,
    candidate: kernel.Step,
    *,
    margin: float = evidence.MARGIN,
    seconds: float = 120.0,
    watch: Callable[[Comparison], None] = lambda _: None,
) -> Comparison:
    """Measure pairs until the verdict is certain, `LOOKS` looks are done or `seconds` have passed.

    `watch` is called after each look. Both steps run twice before the measuring.
    """
    comparison = Comparison()
    kernel.interleaved({"base": base, "candidate": candidate}, 2)
    ends = time.monotonic() + seconds
    for look in range(LOOKS):
        left = max(0.0, ends - time.monotonic())
        count = FIRST * 2**look - len(comparison.pairs)
        times = kernel.interleaved({"base": base, "candidate": candidate}, count, seconds=left, least=LEAST, seed=look)
        comparison.pairs += zip(times["base"], times["candidate"], strict=True)
        _judge(comparison, margin)
        watch(comparison)
        if comparison.verdict != "inconclusive" or time.monotonic() > ends:
            break
    return comparison


def _judge(comparison: Comparison, margin: float) -> None:
    comparison.low, comparison.ratio, comparison.high = evidence.paired_ratio(comparison.pairs, CONFIDENCE)
    comparison.verdict = evidence.judge(comparison.low, comparison.high, margin)


def _one_line(comparison: Comparison) -> str:
    """The state of a comparison in one line."""
    bounds = f"{comparison.ratio:.3f}x, between {comparison.low:.3f} and {comparison.high:.3f}"
    return f"{bounds} after {len(comparison.pairs)} pairs: {comparison.verdict}"


def document(comparison: Comparison, names: Sequence[str], command: Sequence[str], margin: float) -> dict[str, Any]:
    """What `bench ab --json` prints, in seconds. `low` and `high`: the 95 % interval of the ratio, over all looks.

    `ratio` is the median of the pairs' ratios, not the quotient of the two medians.
    """
    base, candidate = (evidence.quantile(times, 0.5) for times in zip(*comparison.pairs, strict=True))
    return {
        "command": list(without_secrets(command)),
        "base": {"name": names[0], "median": base},
        "candidate": {"name": names[1], "median": candidate},
        "quotient_of_medians": candidate / base,
        "ratio": comparison.ratio,
        "low": comparison.low,
        "high": comparison.high,
        "margin": margin,
        "verdict": comparison.verdict,
        "pairs": comparison.pairs,
    }


def summary(document: Mapping[str, Any]) -> str:
    """A comparison in a few lines."""
    sides = (document["base"], document["candidate"])
    width = max(len(side["name"]) for side in sides)
    lines = [f"{side['name']:<{width}}  {side['median'] * 1000:.1f} ms median\n" for side in sides]
    change = f"{document['ratio']:.3f}x, between {document['low']:.3f} and {document['high']:.3f}"
    return "".join(lines) + f"{document['verdict']}: {change}\n{meaning(document)}\n"


def meaning(document: Mapping[str, Any]) -> str:
    """What the ratio is, and why the two medians may seem to contradict it."""
    ratio, quotient = document["ratio"], document["quotient_of_medians"]
    text = f"{ratio:.3f}x is the median of {len(document['pairs'])} ratios, each of two consecutive runs"
    if document["low"] <= quotient <= document["high"] and (quotient - 1) * (ratio - 1) >= 0:
        return text
    return (
        f"{text}; the quotient of the two medians is {quotient:.3f}x: it compares runs far apart in time, "
        "so it includes the machine's noise and decides nothing"
    )
