"""What has been counted, in Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from samplemind_cli.server.message import Outcome

KIND = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # seconds
STATES = ("closed", "half-open", "open")
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The counts of one worker."""

    def __init__(self) -> None:
        self._requests: Counter[Labels] = Counter()
        self._cache: Counter[Labels] = Counter()
        self._tokens: Counter[Labels] = Counter()
        self._fallbacks: Counter[Labels] = Counter()
        self._seconds: dict[Labels, list[float]] = {}  # a count per bucket and one above them, then the sum

    def count(self, path: str, status: int, seconds: float, outcome: Outcome) -> None:
        """A request is over. `path` is one of ours: a stranger's would be a label without end."""
        self._requests[("path", path), ("status", str(status))] += 1
        if outcome.cache:
            self._cache[(("tier", outcome.cache),)] += 1
        if not outcome.provider:
            return
        ended = self._seconds.setdefault(
            (("provider", outcome.provider), ("outcome", outcome.error or "ok")), [0.0] * (len(BUCKETS) + 2)
        )
        ended[bisect_left(BUCKETS, seconds)] += 1
        ended[-1] += seconds
        self._tokens[("provider", outcome.provider), ("kind", "input")] += outcome.input_tokens
        self._tokens[("provider", outcome.provider), ("kind", "output")] += outcome.output_tokens
        for provider in outcome.passed:
            self._fallbacks[(("provider", provider),)] += 1

    def text(self, gauges: Mapping[str, int], retries: Mapping[str, int], breakers: Mapping[str, str]) -> bytes:
        """Everything, with what others count: `gauges` by name, `retries` and `breakers` by provider."""
        again: dict[Labels, int] = {(("provider", provider),): n for provider, n in retries.items()}
        stand: dict[Labels, int] = {
            (("provider", provider),): STATES.index(state) for provider, state in breakers.items()
        }
        lines = [
            *_family("requests_total", "counter", "Requests answered.", self._requests),
            *_family("cache_total", "counter", "Where answers came from: memory, local, redis or miss.", self._cache),
            *_family("tokens_total", "counter", "Tokens that providers counted.", self._tokens),
            *_family("fallbacks_total", "counter", "Answers that others gave in a provider's stead.", self._fallbacks),
            *_family("retries_total", "counter", "Calls made again.", again),
            *_family("breaker_state", "gauge", "Circuit breakers: 0 closed, 1 half-open, 2 open.", stand),
            *(line for name, n in gauges.items() for line in _family(name, "gauge", "Now.", {(): n})),
            *self._histogram(),
        ]
        return ("\n".join(lines) + "\n").encode()

    def _histogram(self) -> Iterator[str]:
        name = "samplemind_request_seconds"
        yield f"# HELP {name} Time to the whole answer."
        yield f"# TYPE {name} histogram"
        for labels, counts in self._seconds.items():
            below = 0.0
            for bound, n in zip((*map(str, BUCKETS), "+Inf"), counts, strict=False):
                below += n
                yield f"{name}_bucket{_labels((*labels, ('le', bound)))} {below:g}"
            yield f"{name}_sum{_labels(labels)} {counts[-1]:g}"
            yield f"{name}_count{_labels(labels)} {below:g}"


def _family(name: str, kind: str, told: str, values: Mapping[Labels, int]) -> Iterable[str]:
    yield f"# HELP samplemind_{name} {told}"
    yield f"# TYPE samplemind_{name} {kind}"
    for labels, value in values.items():
        yield f"samplemind_{name}{_labels(labels)} {value}"


def _labels(labels: Labels) -> str:
    """Our own words alone, so nothing has to be escaped."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
