"""Two versions in turns, until the ratio of their times is known well enough to judge it."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplemind_cli.bench import evidence, trees
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.evidence import Judgement
from samplemind_cli.errors import SamplemindError

LOOKS = 4  # at the numbers; each could be wrong by chance, so that each is held to a part of the allowed error
CONFIDENCE = 1 - (1 - evidence.CONFIDENCE) / LOOKS
LEAST = evidence.needed(0.5, CONFIDENCE)  # pairs: fewer have no upper bound
FIRST = 40  # pairs before the first look; every next look doubles them
EXIT = {"better": 0, "no worse": 0, "worse": 1, "inconclusive": 2}


@dataclass(slots=True)
class Comparison:
    """Pairs of seconds (base, candidate) in time's order, and the ratio they show: candidate / base."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    low: float = 0.0
    ratio: float = 1.0
    high: float = float("inf")
    verdict: Judgement = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to compare and how: two versions, a command (none: the project's default), how to install them.

    `margin` is the share that does not matter; `seconds` limits the measuring.
    """

    versions: tuple[trees.Version, trees.Version]
    command: Sequence[str] = ()
    setup: str | None = None
    margin: float = evidence.MARGIN
    seconds: float = 120.0


def run(repository: Path, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Lay both versions out, run each once, then compare them: see `document`."""
    with trees.laid_out(repository, plan.versions, plan.setup, say) as sides:
        argv = list(plan.command) or trees.default_command(sides[0].directory)
        say(f"measuring: {shlex.join(argv)}")
        arms = [trees.located(argv, side) for side in sides]
        for arm, version in zip(arms, plan.versions, strict=True):
            _rehearse(arm, version)
        base, candidate = (kernel.command(*arm) for arm in arms)
        found = compare(
            base, candidate, margin=plan.margin, seconds=plan.seconds, watch=lambda now: say(f"  {_described(now)}")
        )
    return document(found, [version.name for version in plan.versions], argv, plan.margin)


def _rehearse(arm: tuple[list[str], Mapping[str, str], Path], version: trees.Version) -> None:
    try:
        kernel.rehearse(*arm)
    except SamplemindError as error:
        hint = error.hint or "--setup COMMAND prepares each version"
        raise SamplemindError(f"in {version.name}, {error.message}", hint) from error


def compare(
    base: kernel.Step,
    candidate: kernel.Step,
    *,
    margin: float = evidence.MARGIN,
    seconds: float = 120.0,
    watch: Callable[[Comparison], None] = lambda _: None,
) -> Comparison:
    """Measure pairs until the verdict is certain, `LOOKS` looks are done or `seconds` have passed.

    `watch` hears of every look. Both steps run twice before it counts.
    """
    found = Comparison()
    kernel.interleaved({"base": base, "candidate": candidate}, 2)
    ends = time.monotonic() + seconds
    for look in range(LOOKS):
        left = max(0.0, ends - time.monotonic())
        count = FIRST * 2**look - len(found.pairs)
        times = kernel.interleaved({"base": base, "candidate": candidate}, count, seconds=left, least=LEAST, seed=look)
        found.pairs += zip(times["base"], times["candidate"], strict=True)
        _look(found, margin)
        watch(found)
        if found.verdict != "inconclusive" or time.monotonic() > ends:
            break
    return found


def _look(found: Comparison, margin: float) -> None:
    found.low, found.ratio, found.high = evidence.paired_ratio(found.pairs, CONFIDENCE)
    found.verdict = evidence.judge(found.low, found.high, margin)


def _described(found: Comparison) -> str:
    """The state of a comparison in one line."""
    bounds = f"{found.ratio:.3f}x, between {found.low:.3f} and {found.high:.3f}"
    return f"{bounds} after {len(found.pairs)} pairs: {found.verdict}"


def document(found: Comparison, names: Sequence[str], command: Sequence[str], margin: float) -> dict[str, Any]:
    """What `bench ab --json` prints, in seconds. `low` and `high` hold the ratio with 95 % confidence, looks told."""
    return {
        "command": list(command),
        "base": {"name": names[0], "median": evidence.quantile([base for base, _ in found.pairs], 0.5)},
        "candidate": {"name": names[1], "median": evidence.quantile([new for _, new in found.pairs], 0.5)},
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "margin": margin,
        "verdict": found.verdict,
        "pairs": found.pairs,
    }


def told(document: Mapping[str, Any]) -> str:
    """A document of a comparison in three lines."""
    sides = (document["base"], document["candidate"])
    width = max(len(side["name"]) for side in sides)
    lines = [f"{side['name']:<{width}}  {side['median'] * 1000:.1f} ms\n" for side in sides]
    change = f"{document['ratio']:.3f}x, between {document['low']:.3f} and {document['high']:.3f}"
    return "".join(lines) + f"{document['verdict']}: {change}\n"
