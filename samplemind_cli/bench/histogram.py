"""A histogram with a high dynamic range: constant memory, values within 0.1 %, failures counted as infinite.

The buckets are those of Gil Tene's HdrHistogram with three significant digits: 2,048 of equal width, then groups of
1,024, each group twice as wide as the one before.
"""

from collections import Counter
from collections.abc import Iterator

PRECISION_BITS = 11
MICROSECOND = 1e-6


class Histogram:
    """Durations in seconds, kept as whole microseconds."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.failures = 0

    def __len__(self) -> int:
        return self._counts.total() + self.failures

    def add(self, seconds: float) -> None:
        """Count one duration; infinity is a failure."""
        if seconds == float("inf"):
            self.failures += 1
            return
        value = max(0, round(seconds / MICROSECOND))
        shift = max(0, value.bit_length() - PRECISION_BITS)
        self._counts[value >> shift << shift] += 1

    def quantile(self, share: float) -> float:
        """Seconds that at least `share` of all do not exceed; infinity if that is among the failures."""
        target, seen = share * len(self), 0
        for value, seen in self.cumulated():
            if seen >= target:
                return value
        return float("inf") if self.failures else 0.0

    def cumulated(self) -> Iterator[tuple[float, int]]:
        """Each bucket's seconds, and the number of durations up to it, without failures."""
        seen = 0
        for value in sorted(self._counts):
            seen += self._counts[value]
            yield value * MICROSECOND, seen

    def counts(self) -> dict[int, int]:
        """The number of durations in each bucket, by its microseconds."""
        return dict(sorted(self._counts.items()))
