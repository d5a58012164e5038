"""The metrics, in Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats)."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import orjson

from samplemind_cli import files
from samplemind_cli.server.message import Outcome

KIND = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
BOUNDS = (*map(str, SECONDS), "+Inf")
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
STATES = ("closed", "half-open", "open")
Label = tuple[str, str]
Labels = tuple[Label, ...]
Counts = dict[str, Counter[Labels]]
Kind = tuple[str, int, str, str, str, str]  # of a request: path, status, tier, provider, model, error
FAMILIES = {
    "requests_total": ("counter", "Requests answered."),
    "model_requests_total": ("counter", "Answers by model, including cached ones."),
    "cache_total": ("counter", "Cache lookups by tier: memory, local, redis or miss."),
    "tokens_total": ("counter", "Tokens, as counted by providers."),
    "model_tokens_total": ("counter", "Tokens by model, as counted by providers."),
    "fallbacks_total": ("counter", "Requests that fell back from this provider to another."),
    "left_out_total": ("counter", "Answers without a part that the client's format lacks."),
    "retries_total": ("counter", "Retried calls."),
    "limited_seconds_total": (
        "counter",
        "Seconds that requests waited for a limit: a provider's requests per minute, or concurrency.",
    ),
    "breaker_state": ("gauge", "Circuit breakers: 0 closed, 1 half-open, 2 open; the worst of all workers."),
    "connections": ("gauge", "Clients' connections."),
    "requests_at_work": ("gauge", "Requests in flight."),
    "requests_in_line": ("gauge", "Queued requests."),
    "tasks": ("gauge", "asyncio tasks; a number that stays high after a load is a leak."),
}
HISTOGRAMS = {
    "request_seconds": "Time to the whole answer.",
    "first_token_seconds": "Time to the first token of uncached answers, by model.",
}
MODELS = 64  # label values of one worker; clients choose model names, so further ones are counted as OTHER
OTHER = "other"


@dataclass(slots=True)
class _Tally:
    """Requests of one kind, counted with one look-up; `Metrics.counts` spreads them over the families."""

    model: str
    times: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))


class Metrics:
    """The counts of one worker, by family and labels."""

    def __init__(self) -> None:
        self._counts: Counts = _empty()
        self._models: set[tuple[str, str]] = set()
        self._tallies: dict[Kind, _Tally] = {}

    @property
    def counts(self) -> Counts:
        """All counts so far."""
        for kind, tally in self._tallies.items():
            if tally.times:
                self._spread(kind, tally)
                self._tallies[kind] = _Tally(tally.model)
        return self._counts

    def count(self, path: str, status: int, seconds: float, outcome: Outcome) -> None:
        """A request is over. `path` is a route's: unknown paths would make label cardinality unbounded."""
        kind = (path, status, outcome.cache, outcome.provider, outcome.model, outcome.error)
        tally = self._tallies.get(kind) or self._tally(kind)
        tally.times += 1
        tally.seconds += seconds
        tally.buckets[bisect_left(SECONDS, seconds)] += 1
        if outcome.left_out:
            self._counts["left_out_total"][(("provider", outcome.provider),)] += 1
        if outcome.cache == "miss" or outcome.passed:
            self._count_call(outcome, ("provider", outcome.provider), ("model", tally.model))

    def _count_call(self, outcome: Outcome, provider: Label, model: Label) -> None:
        """Count what only a provider's answer has: fallbacks, tokens, waits, the first token."""
        for passed in outcome.passed:
            self._counts["fallbacks_total"][(("provider", passed),)] += 1
        for side, tokens in (("input", outcome.input_tokens), ("output", outcome.output_tokens)):
            if tokens:
                self._counts["tokens_total"][provider, ("kind", side)] += tokens
                self._counts["model_tokens_total"][provider, model, ("kind", side)] += tokens
        if outcome.held:
            self._counts["limited_seconds_total"][(("limit", outcome.provider),)] += outcome.held  # type: ignore[assignment]  # a Counter adds up floats as well
        if seconds := outcome.first_token_ms / 1000:
            bound = BOUNDS[bisect_left(SECONDS, seconds)]
            self._counts["first_token_seconds"][provider, model, ("le", bound)] += 1
            self._counts["first_token_seconds_sum"][provider, model] += seconds  # type: ignore[assignment]  # the same

    def _tally(self, kind: Kind) -> _Tally:
        """The tally of a new kind; models beyond the limit share one."""
        *before, provider, model, error = kind
        if provider and (provider, model) not in self._models:
            if len(self._models) >= MODELS:
                kind = (*before, provider, OTHER, error)  # type: ignore[assignment]  # the same parts
            else:
                self._models.add((provider, model))
        return self._tallies.setdefault(kind, _Tally(kind[4]))

    def _spread(self, kind: Kind, tally: _Tally) -> None:
        path, status, cache, name, model, error = kind
        self._counts["requests_total"][("path", path), ("status", str(status))] += tally.times
        if cache:
            self._counts["cache_total"][(("tier", cache),)] += tally.times
        if not name:
            return
        provider, outcome = ("provider", name), ("outcome", error or "ok")
        self._counts["model_requests_total"][provider, ("model", model), outcome] += tally.times
        self._counts["request_seconds_sum"][provider, outcome] += tally.seconds  # type: ignore[assignment]  # as above
        for bound, times in zip(BOUNDS, tally.buckets, strict=True):
            if times:
                self._counts["request_seconds"][provider, outcome, ("le", bound)] += times

    def note(
        self,
        gauges: Mapping[str, int],
        retries: Mapping[str, int],
        breakers: Mapping[str, str],
        limited: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Set what is counted elsewhere: `gauges` by name, `limited` in seconds by limit, the rest by provider."""
        for name, value in gauges.items():
            self._counts[name][()] = value
        for provider, value in retries.items():
            self._counts["retries_total"][(("provider", provider),)] = value
        for provider, state in breakers.items():
            self._counts["breaker_state"][(("provider", provider),)] = STATES.index(state)
        for limit, seconds in limited.items():
            self._counts["limited_seconds_total"][(("limit", limit),)] = round(seconds, 6)  # type: ignore[assignment]  # as below


def _empty() -> Counts:
    return {name: Counter() for name in (*FAMILIES, *HISTOGRAMS, *(f"{name}_sum" for name in HISTOGRAMS))}


class WorkerCounts:
    """Shares counts by one file per worker in a folder; a dead worker's counts stay. A single worker needs none."""

    def __init__(self, folder: Path | None, metrics: Metrics) -> None:
        self._folder = folder
        self._own = folder / f"{os.getpid()}.json" if folder else None
        self._metrics = metrics

    def all(self) -> Iterator[Counts]:
        """Our own current counts, and the others' as last written."""
        yield self._metrics.counts
        for path in self._folder.glob("*.json") if self._folder else ():
            if path != self._own:
                yield _read(path.read_bytes())

    def write(self) -> None:
        """Write this worker's counts atomically."""
        if self._own:
            counts = {name: list(values.items()) for name, values in self._metrics.counts.items()}
            files.write(self._own, orjson.dumps(counts))


def _read(raw: bytes) -> Counts:
    return {
        name: Counter({tuple(map(tuple, labels)): value for labels, value in values})
        for name, values in orjson.loads(raw).items()
    }


def merged(workers: Iterable[Counts]) -> Counts:
    """The counts of several workers as one."""
    total = _empty()
    for counts in workers:
        for name, values in counts.items():
            if name == "breaker_state":
                total[name] |= values
            else:
                total[name].update(values)
    return total


def text(counts: Counts) -> bytes:
    """Counts in Prometheus's text format."""
    lines = []
    for name, (kind, described) in FAMILIES.items():
        lines += [f"# HELP samplemind_{name} {described}", f"# TYPE samplemind_{name} {kind}"]
        lines += [f"samplemind_{name}{_labels(labels)} {value}" for labels, value in counts[name].items()]
    for name in HISTOGRAMS:
        lines += _histogram(name, counts)
    return ("\n".join(lines) + "\n").encode()


def _histogram(family: str, counts: Counts) -> Iterator[str]:
    name = f"samplemind_{family}"
    yield f"# HELP {name} {HISTOGRAMS[family]}"
    yield f"# TYPE {name} histogram"
    for labels, seconds in counts[f"{family}_sum"].items():
        below = 0
        for bound in BOUNDS:
            place = (*labels, ("le", bound))
            below += counts[family][place]
            yield f"{name}_bucket{_labels(place)} {below}"
        yield f"{name}_sum{_labels(labels)} {seconds:g}"
        yield f"{name}_count{_labels(labels)} {below}"


def _labels(labels: Labels) -> str:
    """Labels as text; quotes and backslashes in a model's name are escaped."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in labels) + "}"
