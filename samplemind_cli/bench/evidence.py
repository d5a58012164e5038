"""Statistics of measurements: quantiles and ratios with confidence intervals, and verdicts.

Sources: order-statistic intervals, Hahn and Meeker, "Statistical Intervals"; the moving-block bootstrap, Künsch 1989.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

Judgement = Literal["better", "worse", "no worse", "inconclusive"]
CONFIDENCE = 0.95
MARGIN = 0.03  # of a ratio: the difference between two runs of the same code on a quiet machine
BLOCK = 5  # consecutive measurements that may be correlated
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its bounds; a bound is None if there are too few measurements for it."""

    low: float | None
    middle: float
    high: float | None


def needed(share: float, confidence: float = CONFIDENCE) -> int:
    """The number of measurements needed to bound a quantile from above: 72 for 0.95, 368 for 0.99."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed; a failure counts as infinite."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def quantile_interval(values: Sequence[float], share: float, confidence: float = CONFIDENCE) -> Interval:
    """A quantile and its distribution-free bounds, which are two of the values."""
    ordered, n, tail = sorted(values), len(values), (1 - confidence) / 2
    below, low, high = 0.0, None, None
    for k in range(n):  # `below`: the probability that at most k of n lie below the quantile
        below += _binomial(n, k, share)
        if below <= tail:
            low = ordered[k]
        elif high is None and below >= 1 - tail:
            high = ordered[k]
    return Interval(low, quantile(values, share), high)


def paired_ratio(
    pairs: Sequence[tuple[float, float]], confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[float, float, float]:
    """Low, middle and high of candidate / base, from (base, candidate) pairs measured directly after each other.

    The wider of two intervals of the median: the bootstrap allows for correlated neighbours, but is too narrow with few
    blocks; the order statistics are exact for independent pairs.
    """
    logs = [math.log(candidate / base) for base, candidate in pairs]
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    again = _redrawn(logs, draw)
    low, middle, high = _bounds(_median(logs), lambda: _median(again()), confidence)
    exact = quantile_interval(logs, 0.5, confidence)
    widest = (-math.inf if exact.low is None else exact.low, math.inf if exact.high is None else exact.high)
    return min(low, math.exp(widest[0])), middle, max(high, math.exp(widest[1]))


def unpaired_ratio(
    base: Sequence[float], candidate: Sequence[float], confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[float, float, float]:
    """The same for the ratio of two medians measured at different times."""
    draw = random.Random(seed)  # noqa: S311 - the same
    old, new = [math.log(value) for value in base], [math.log(value) for value in candidate]
    before, after = _redrawn(old, draw), _redrawn(new, draw)
    return _bounds(_median(new) - _median(old), lambda: _median(after()) - _median(before()), confidence)


def judge(low: float, high: float, margin: float = MARGIN) -> Judgement:
    """The verdict that the bounds of a ratio support: "no worse" if the upper one is within the margin."""
    if low > 1 + margin:
        return "worse"
    if high < 1 / (1 + margin):
        return "better"
    return "no worse" if high <= 1 + margin else "inconclusive"


def smallest_visible(low: float, high: float) -> float:
    """The smallest slowdown, as a share, that an A/A run with these bounds could have detected."""
    return max(high, 1 / low) - 1


def _bounds(middle: float, resample: Callable[[], float], confidence: float) -> tuple[float, float, float]:
    drawn = sorted(resample() for _ in range(RESAMPLES))
    cut = int((1 - confidence) / 2 * RESAMPLES)
    return math.exp(drawn[cut]), math.exp(middle), math.exp(drawn[-1 - cut])


def _median(values: Sequence[float]) -> float:
    """As `statistics.median`, in half the time."""
    ordered, n = sorted(values), len(values)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _redrawn(values: Sequence[float], draw: random.Random) -> Callable[[], list[float]]:
    """A function that resamples `values` in blocks of neighbours, which may be correlated."""
    n, size = len(values), min(BLOCK, len(values))
    blocks = [values[start : start + size] for start in range(n - size + 1)]
    return lambda: list(islice(chain.from_iterable(draw.choices(blocks, k=-(-n // size))), n))


def _binomial(n: int, k: int, share: float) -> float:
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log + k * math.log(share) + (n - k) * math.log(1 - share))
