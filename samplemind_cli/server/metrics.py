"""What has been counted, in Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from samplemind_cli.server.message import Outcome

KIND = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
BOUNDS = (*map(str, SECONDS), "+Inf")
STATES = ("closed", "half-open", "open")
Labels = tuple[tuple[str, str], ...]
Counts = dict[str, Counter[Labels]]
FAMILIES = {
    "requests_total": ("counter", "Requests answered."),
    "cache_total": ("counter", "Where answers came from: memory, local, redis or miss."),
    "tokens_total": ("counter", "Tokens that providers counted."),
    "fallbacks_total": ("counter", "Answers that others gave in a provider's stead."),
    "retries_total": ("counter", "Calls made again."),
    "breaker_state": ("gauge", "Circuit breakers: 0 closed, 1 half-open, 2 open; the worst of all workers."),
    "connections": ("gauge", "Clients' connections."),
    "requests_at_work": ("gauge", "Requests at work."),
    "requests_in_line": ("gauge", "Requests that wait for room."),
    "tasks": ("gauge", "Tasks of asyncio; what does not come down again after a load is a leak."),
}
HISTOGRAM, SUM = "request_seconds", "request_seconds_sum"


class Metrics:
    """The counts of one worker, by family and labels."""

    def __init__(self) -> None:
        self.counts: Counts = {name: Counter() for name in (*FAMILIES, HISTOGRAM, SUM)}

    def count(self, path: str, status: int, seconds: float, outcome: Outcome) -> None:
        """A request is over. `path` is one of ours: a stranger's would be a label without end."""
        self.counts["requests_total"][("path", path), ("status", str(status))] += 1
        if outcome.cache:
            self.counts["cache_total"][(("tier", outcome.cache),)] += 1
        if not outcome.provider:
            return
        provider = ("provider", outcome.provider)
        ended = (provider, ("outcome", outcome.error or "ok"))
        self.counts[HISTOGRAM][(*ended, ("le", BOUNDS[bisect_left(SECONDS, seconds)]))] += 1
        self.counts[SUM][ended] += seconds  # type: ignore[assignment]  # a Counter adds up floats as well
        self.counts["tokens_total"][provider, ("kind", "input")] += outcome.input_tokens
        self.counts["tokens_total"][provider, ("kind", "output")] += outcome.output_tokens
        for passed in outcome.passed:
            self.counts["fallbacks_total"][(("provider", passed),)] += 1

    def note(self, gauges: Mapping[str, int], retries: Mapping[str, int], breakers: Mapping[str, str]) -> None:
        """Take over what others count: `gauges` by name, `retries` and `breakers` by provider."""
        for name, value in gauges.items():
            self.counts[name][()] = value
        for provider, value in retries.items():
            self.counts["retries_total"][(("provider", provider),)] = value
        for provider, state in breakers.items():
            self.counts["breaker_state"][(("provider", provider),)] = STATES.index(state)


def merged(workers: Iterable[Counts]) -> Counts:
    """The counts of several workers as one."""
    total: Counts = {name: Counter() for name in (*FAMILIES, HISTOGRAM, SUM)}
    for counts in workers:
        for name, values in counts.items():
            if name == "breaker_state":
                total[name] |= values
            else:
                total[name].update(values)
    return total


def text(counts: Counts) -> bytes:
    """Counts as Prometheus reads them."""
    lines = []
    for name, (kind, told) in FAMILIES.items():
        lines += [f"# HELP samplemind_{name} {told}", f"# TYPE samplemind_{name} {kind}"]
        lines += [f"samplemind_{name}{_labels(labels)} {value}" for labels, value in counts[name].items()]
    lines += _histogram(counts)
    return ("\n".join(lines) + "\n").encode()


def _histogram(counts: Counts) -> Iterator[str]:
    name = f"samplemind_{HISTOGRAM}"
    yield f"# HELP {name} Time to the whole answer."
    yield f"# TYPE {name} histogram"
    for ended, seconds in counts[SUM].items():
        below = 0
        for bound in BOUNDS:
            place = (*ended, ("le", bound))
            below += counts[HISTOGRAM][place]
            yield f"{name}_bucket{_labels(place)} {below}"
        yield f"{name}_sum{_labels(ended)} {seconds:g}"
        yield f"{name}_count{_labels(ended)} {below}"


def _labels(labels: Labels) -> str:
    """Our own words alone, so nothing has to be escaped."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
