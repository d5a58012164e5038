"""Two versions in turns, until the ratio of their times is known well enough to judge it."""

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
class AbPlan:
    """What to compare and how: two versions, a command (none: the project's default), how to install them.

    `margin` is the share that does not matter; `seconds` limits the measuring.
    """

    versions: tuple[git.Version, git.Version]
    command: Sequence[str] = ()
    setup: str | None = None
    margin: float = evidence.MARGIN
    seconds: float = 120.0


def run(folder: Path, plan: AbPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Lay both versions out, run each once in `folder`'s place in them, then compare them: see `document`."""
    repository = git.repository_of(folder)
    inside = git.run(folder, "rev-parse", "--show-prefix").stdout.removesuffix("\n")
    with trees.laid_out(repository, plan.versions, inside, say) as sides:
        argv = list(plan.command) or trees.default_command(sides[0].project)
        base, candidate = (kernel.command(*_ready(argv, side, plan, say)) for side in sides)
        say(f"measuring: {shlex.join(argv)}")
        found = compare(
            base, candidate, margin=plan.margin, seconds=plan.seconds, watch=lambda now: say(f"  {_described(now)}")
        )
    return document(found, [version.name for version in plan.versions], argv, plan.margin)


def _ready(
    argv: Sequence[str], side: trees.Tree, plan: AbPlan, say: Callable[[str], None]
) -> tuple[list[str], Mapping[str, str], Path]:
    """A side's command once it has run there; one that cannot ends before the other side is installed for nothing."""
    tree = trees.prepared(side, plan.setup, say)
    if not plan.command:  # below a package's own folder its modules could hide those of Python
        tree = replace(tree, directory=tree.project)
    arm = trees.located(argv, tree)
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
    """What `bench ab --json` prints, in seconds. `low` and `high` hold the ratio with 95 % confidence, looks told.

    `ratio` is the median of the pairs' own ratios, not the quotient of the two medians.
    """
    base, candidate = (evidence.quantile(times, 0.5) for times in zip(*found.pairs, strict=True))
    return {
        "command": list(without_secrets(command)),
        "base": {"name": names[0], "median": base},
        "candidate": {"name": names[1], "median": candidate},
        "quotient_of_medians": candidate / base,
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "margin": margin,
        "verdict": found.verdict,
        "pairs": found.pairs,
    }


def told(document: Mapping[str, Any]) -> str:
    """A document of a comparison in a few lines."""
    sides = (document["base"], document["candidate"])
    width = max(len(side["name"]) for side in sides)
    lines = [f"{side['name']:<{width}}  {side['median'] * 1000:.1f} ms median\n" for side in sides]
    change = f"{document['ratio']:.3f}x, between {document['low']:.3f} and {document['high']:.3f}"
    return "".join(lines) + f"{document['verdict']}: {change}\n{meaning(document)}\n"


def meaning(document: Mapping[str, Any]) -> str:
    """What the ratio is, and why the two medians may seem to say something else."""
    ratio, quotient = document["ratio"], document["quotient_of_medians"]
    said = f"{ratio:.3f}x is the median of {len(document['pairs'])} ratios, each of two consecutive runs"
    if document["low"] <= quotient <= document["high"] and (quotient - 1) * (ratio - 1) >= 0:
        return said
    return (
        f"{said}; the quotient of the two medians is {quotient:.3f}x: it compares runs far apart in time, "
        "so it includes the machine's noise and decides nothing"
    )
