"""The scoreboard: its rows with their baselines and targets, and the verdict on measured ones."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from samplemind_cli.bench import evidence
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.settings import Settings

MEDIAN = 0.5
INTERRUPTED = "interrupted before it was measured"
OVER = "--quick ran out of time: leave it out"
QUICK = 28.0  # seconds; with start-up and report, less than thirty
GROUPS = ("cli", "cache", "core", "providers", "serve", "build", "frontend", "tests")
Verdict = Literal["met", "missed", "unsure", "skipped", "measured"]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line. `share`: the quantile that is reported; `better`: the direction of the target."""

    key: str
    metric: str
    unit: str
    target: float | None = None
    baseline: float | None = None
    share: float = MEDIAN
    better: Literal["less", "more"] = "less"

    @property
    def group(self) -> str:
        """The part of the board it belongs to."""
        return self.key.partition(".")[0]


ROWS = {
    row.key: row
    for row in (
        ScoreRow("cli.repeated", "repeated ask, whole process P50", "ms", 50),
        ScoreRow("cli.repeated-ratio", "repeated ask / python -c pass", "x", 1.5),
        ScoreRow("cli.version", "--version / python -c pass", "x", 1.5),
        ScoreRow("cli.help", "--help / python -c pass", "x", 8),
        ScoreRow("cli.uncached", "uncached ask beyond curl, whole process P50", "ms", 250),
        ScoreRow("cache.local", "local tier, one read P50", "ms"),
        ScoreRow("cache.redis-read", "Redis, one read P50", "ms", 2),
        ScoreRow("cache.redis-write", "Redis, one write P50", "ms", 2),
        ScoreRow("cache.hit-rate", "hit rate", "%", 60, better="more"),
        ScoreRow("cache.efficiency", "hit rate / ideal hit rate", "%", 99, better="more"),
        ScoreRow("cache.calls-saved", "calls saved", "calls", better="more"),
        ScoreRow("cache.dollars-saved", "dollars saved", "$", better="more"),
        ScoreRow("core.answer", "AI answer P95", "ms", 150, 200, share=0.95),
        ScoreRow("core.hit", "repeated answer in process P50", "ms"),
        ScoreRow("providers.ollama-overhead", "Ollama, our overhead P50", "ms", 50),
        ScoreRow("providers.ollama-first-token", "Ollama, first token P50", "ms", 50),
        ScoreRow("providers.embedded-first-token", "embedded model, first token P50", "ms"),
        ScoreRow("providers.gemini", "Gemini, short answer P50", "s", 0.5, 3),
        ScoreRow("providers.anthropic", "Claude, short answer P50", "s", 0.8, 5),
        ScoreRow("providers.openai", "OpenAI, short answer P50", "s", 0.6, 4),
        ScoreRow("serve.cached", "serve, cached answer P50", "ms"),
        ScoreRow("serve.overhead", "serve, added to an uncached answer P50", "ms", 1.5),
        ScoreRow("build.seconds", "docker build without a cache", "s", 150, 300),
        ScoreRow("build.cached", "steps from the cache, built again", "%", 90, better="more"),
        ScoreRow("build.image", "image", "MB", 750, 1200),
        ScoreRow("build.added", "image beyond its base", "MB", 40),
        ScoreRow("frontend.build", "front-end build", "s", 20),
        ScoreRow("tests.fast", "fast tests", "s", 20),
        ScoreRow("tests.all", "full test suite", "s", 50, 120),
    )
}


@dataclass(frozen=True, slots=True)
class Score:
    """A measured row, or the `reason` why it was not. `samples`: in the row's unit; `note`: what they were taken on.

    `calibration`: the seconds of a fixed piece of work beside each sample; empty if the samples are ratios.
    """

    row: ScoreRow
    samples: tuple[float, ...] = ()
    calibration: tuple[float, ...] = ()
    note: str = ""
    reason: str = ""

    @property
    def now(self) -> evidence.Interval | None:
        """The row's quantile with its 95 % interval; None if not measured."""
        return evidence.quantile_interval(self.samples, self.row.share) if self.samples else None

    @property
    def verdict(self) -> Verdict:
        """Whether the target is met; "unsure" if the interval contains it. A missing bound is the extreme sample."""
        now, target = self.now, self.row.target
        if now is None or target is None:
            return "skipped" if now is None else "measured"
        low = min(self.samples) if now.low is None else now.low
        high = max(self.samples) if now.high is None else now.high
        if self.row.better == "more":
            low, high, target = -high, -low, -target
        return "met" if high <= target else "missed" if low > target else "unsure"


@dataclass(frozen=True, slots=True)
class BoardRun:
    """The input of each group: settings, whether to be quick, a folder of its own, and a function for messages.

    `ends`: the deadline of a quick run, on the monotonic clock.
    """

    settings: Settings
    quick: bool
    folder: Path
    say: Callable[[str], None]
    ends: float = math.inf

    @property
    def left(self) -> float:
        """Seconds until it ends."""
        return self.ends - time.monotonic()


def score(key: str, samples: Sequence[float], calibration: Sequence[float] = (), note: str = "") -> Score:
    """A measured row; skipped, with the reason, if there are too few samples to bound its quantile."""
    row = ROWS[key]
    least = evidence.needed(row.share)
    if row.share != MEDIAN and len(samples) < least:
        return skipped(key, f"{len(samples)} samples in the time given; P{row.share * 100:g} needs {least}")
    return Score(row, tuple(samples), tuple(calibration), note)


def skipped(key: str, reason: str | SamplemindError) -> Score:
    """A row that could not be measured."""
    return Score(ROWS[key], reason=reason if isinstance(reason, str) else why(reason))


def why(error: SamplemindError) -> str:
    """An error as the reason of a row: what happened, and the command that helps."""
    return f"{error.message.rstrip('.')}: {error.hint}" if error.hint else error.message


def scores(groups: Sequence[str], settings: Settings, say: Callable[[str], None], *, quick: bool) -> list[Score]:
    """The rows of the groups, by default of all; their files are removed afterwards. Raises UsageError."""
    for name in groups:
        if name not in GROUPS:
            raise UsageError(f"there is no group {name!r}", f"groups: {', '.join(GROUPS)}")
    ends = time.monotonic() + QUICK if quick else math.inf
    with TemporaryDirectory(prefix="samplemind-bench-") as folder:
        return list(measure(dict.fromkeys(groups) or GROUPS, BoardRun(settings, quick, Path(folder), say, ends)))


def measure(groups: Iterable[str], run: BoardRun) -> Iterator[Score]:
    """Every row of the groups, after each group; if one fails, its missing rows have the reason.

    After Ctrl-C or the deadline of a quick run, the missing rows of this and the following groups have that reason.
    """
    stopped = ""
    for group in groups:
        stopped = stopped or (OVER if run.left <= 0 else "")
        if stopped:
            yield from (Score(row, reason=stopped) for row in ROWS.values() if row.group == group)
            continue
        run.say(f"measuring: {group}")
        folder = run.folder / group
        folder.mkdir()
        owed = {key: row for key, row in ROWS.items() if row.group == group}
        try:
            for result in import_module(f"samplemind_cli.bench.rows.{group}").measure(replace(run, folder=folder)):
                owed.pop(result.row.key, None)
                yield result
        except SamplemindError as error:
            if not owed:
                raise
            yield from (Score(row, reason=why(error)) for row in owed.values())
        except KeyboardInterrupt:
            stopped = INTERRUPTED
            yield from (Score(row, reason=INTERRUPTED) for row in owed.values())
