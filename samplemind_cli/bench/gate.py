"""Compares results with stored ones, and refuses a gate that is finer than this machine's noise.

Results of different days cannot be paired, so each sample is divided by the time of a fixed piece of work beside it
(`calibration`). Measuring the same rows twice (A/A) shows which differences such a comparison cannot detect.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from samplemind_cli.bench import evidence, report
from samplemind_cli.errors import UsageError

SLIGHT = 0.01  # a difference that does not look like a contradiction
LEAST = 20  # samples for a meaningful ratio of medians
DRIFT = 0.15  # of the calibration: beyond it the machine is much busier, or less busy
NOTHING = f"nothing to compare: no row was measured {LEAST} times both then and now, which --quick seldom does"
FIRST = "samplemind bench --save FILE writes one"
COLUMNS = ("METRIC", "THEN", "NOW", "RATIO", "DETECTABLE HERE", "VERDICT")
Verdict = Literal["faster", "slower", "no slower", "smaller", "larger", "no larger", "unsure", "reported", "refused"]
WORDS: dict[evidence.Judgement, Verdict] = {
    "worse": "slower",
    "better": "faster",
    "no worse": "no slower",
    "inconclusive": "unsure",
}
OF_SIZE: dict[evidence.Judgement, Verdict] = {**WORDS, "worse": "larger", "better": "smaller", "no worse": "no larger"}


@dataclass(frozen=True, slots=True)
class Change:
    """A row then and now. `visible`: the smallest slowdown (a share) that today's A/A run could have detected.

    "reported": the machine is another, or much busier, so there is no verdict. "refused": the gate is finer than this
    machine's noise. Neither hides a slowdown larger than the noise and twice the drift.
    """

    row: Mapping[str, Any]
    then: float
    low: float
    ratio: float
    high: float
    visible: float | None
    verdict: Verdict
    why: str


def load(file: Path) -> dict[str, Any]:
    """Results that `--save` wrote. Raises UsageError."""
    try:
        content = json.loads(file.read_bytes())
        if content["rows"] and content["when"] and {**content["machine"]} and all(map(_is_complete, content["rows"])):
            return dict(content)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", FIRST) from error
    except (ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{file} was not written by --save", FIRST) from error
    raise UsageError(f"{file} holds no rows that could be compared", FIRST)


def _is_complete(row: Mapping[str, Any]) -> bool:
    """Whether a row has the fields that are read here, as in `report.document`. Raises LookupError or TypeError."""
    math.fsum([*row["samples"], *row["calibration"], 0 if row["now"] is None else row["now"]])
    return bool(row["key"]) and len(row["calibration"]) in (0, len(row["samples"]))


def measure(
    measure: Callable[[], dict[str, Any]], say: Callable[[str], None], *, twice: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The results of a run and, if `twice`, those of a second one (A/A), unless the first was interrupted."""
    first = measure()
    if not twice or report.interrupted(first):
        return first, None
    say("measuring again, to estimate this machine's noise")
    return first, measure()


def incomparable(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why two runs cannot be compared; "" if they can."""
    for name, value in now["machine"].items():
        if then["machine"].get(name) != value:
            return f"the {name} was {then['machine'].get(name)}, here it is {value}"
    return ""


def compare(
    before_run: Mapping[str, Any], now: Mapping[str, Any], again: Mapping[str, Any] | None, fail_over: float | None
) -> list[Change]:
    """The changes of rows that both runs measured often enough. `again`: the second run of today (A/A).

    `fail_over`: the gate, as a share. The intervals hold simultaneously (Bonferroni).
    """
    before = {row["key"]: row for row in before_run["rows"]}
    twice = {row["key"]: row for row in again["rows"]} if again else {}
    pairs = [(before[row["key"]], row) for row in now["rows"] if row["key"] in before]
    pairs = [pair for pair in pairs if all(_is_comparable(row) for row in pair)]
    confidence = 1 - (1 - evidence.CONFIDENCE) / max(1, len(pairs))
    foreign = incomparable(before_run, now)
    return [_change(old, new, twice.get(new["key"]), confidence, fail_over, foreign=foreign) for old, new in pairs]


def _change(  # noqa: PLR0913 - two runs, a third, and how to judge them
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    again: Mapping[str, Any] | None,
    confidence: float,
    fail_over: float | None,
    *,
    foreign: str,
) -> Change:
    low, ratio, high = evidence.unpaired_ratio(_normalised(old), _normalised(new), confidence)
    visible = None
    if again and _is_comparable(again):
        same = evidence.unpaired_ratio(_normalised(again), _normalised(new), confidence)
        visible = evidence.smallest_visible(same[0], same[2])
    words = OF_SIZE if new["unit"] == "MB" else WORDS
    margin = evidence.MARGIN if fail_over is None else fail_over
    verdict, why = words[evidence.judge(low, high, margin)], ""
    drift = _drift(old, new)
    moved = f"the reference work took {drift:.2f}x as long" if max(drift, 1 / drift) >= 1 + DRIFT else ""
    blind = fail_over is not None and (visible is None or visible > fail_over)
    hidden = math.inf if blind and visible is None else max(margin, visible or 0.0)
    if foreign:
        verdict, why = "reported", foreign
    elif (moved or blind) and low / max(drift, 1 / drift) > 1 + hidden:
        why = f"though {moved}" if moved else "by more than this machine's noise"
    elif moved:
        verdict, why = "reported", moved
    elif blind:
        verdict, why = "refused", "this machine's noise is as large"
    return Change(new, old["now"], low, ratio, high, visible, verdict, why)


def _is_comparable(row: Mapping[str, Any]) -> bool:
    """Whether a ratio can be computed: with enough samples, all of them positive."""
    return len(row["samples"]) >= LEAST and min(row["samples"]) > 0


def document(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The changes for `--json`: `then` and `now` in the row's unit, the ratios in units of the fixed work."""
    return [
        {**asdict(change), "row": change.row["key"], **{name: change.row[name] for name in ("metric", "unit", "now")}}
        for change in changes
    ]


def table(comparison: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The cells of such a document, by COLUMNS."""
    return [
        (
            change["metric"],
            report.amount(change["then"], change["unit"]),
            report.amount(change["now"], change["unit"]),
            f"{change['ratio']:.3f}x, {change['low']:.3f} to {change['high']:.3f}",
            "" if change["visible"] is None else f"{change['visible']:.1%}",
            f"{change['verdict']}: {change['why']}" if change["why"] else change["verdict"],
        )
        for change in comparison
    ]


def meaning(comparison: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why a ratio may seem to contradict the two medians beside it; empty if none does."""
    for change in comparison:
        quotient = change["now"] / change["then"] if change["then"] else 1.0
        outside = not change["low"] * (1 - SLIGHT) <= quotient <= change["high"] * (1 + SLIGHT)
        if outside or (quotient - 1) * (change["ratio"] - 1) < -(SLIGHT**2):
            text = f"{change['metric']}: NOW is {quotient:.3f}x THEN, and {change['ratio']:.3f}x in units of the fixed"
            return [f"{text} work done beside each run: the machine's own speed is taken out of RATIO"]
    return []


def exit_code(changes: Sequence[Change], fail_over: float | None) -> int:
    """1 if a row is slower or larger than the gate allows, 2 if one cannot be judged, else 0; 0 without a gate."""
    if fail_over is None:
        return 0
    verdicts = {change.verdict for change in changes}
    if verdicts & {"slower", "larger"}:
        return 1
    return 2 if verdicts & {"unsure", "refused"} or not changes else 0


def _normalised(row: Mapping[str, Any]) -> list[float]:
    """Samples in units of the fixed work beside them; unchanged if they are ratios."""
    if not row["calibration"]:
        return list(row["samples"])
    return [sample / work for sample, work in zip(row["samples"], row["calibration"], strict=True)]


def _drift(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """How much longer the fixed work took than then, as a ratio; 1 if there was none."""
    if not (old["calibration"] and new["calibration"]):
        return 1.0
    return evidence.quantile(new["calibration"], 0.5) / evidence.quantile(old["calibration"], 0.5)
