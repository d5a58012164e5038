"""What has been counted, in Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from samplemind_cli.server.message import Outcome

KIND = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
BOUNDS = (*map(str, SECONDS), "+Inf")
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
STATES = ("closed", "half-open", "open")
Labels = tuple[tuple[str, str], ...]
Counts = dict[str, Counter[Labels]]
Kind = tuple[str, int, str, str, str, str]  # of a request: path, status, tier, provider, model, error
Steps = list[tuple[Counter[Labels], Labels]]
FAMILIES = {
    "requests_total": ("counter", "Requests answered."),
    "model_requests_total": ("counter", "Answers by the model that gave them; those of the cache count too."),
    "cache_total": ("counter", "Where answers came from: memory, local, redis or miss."),
    "tokens_total": ("counter", "Tokens that providers counted."),
    "model_tokens_total": ("counter", "Tokens that providers counted, by model."),
    "fallbacks_total": ("counter", "Requests that fell back from this provider to another."),
    "retries_total": ("counter", "Calls made again."),
    "limited_seconds_total": (
        "counter",
        "Seconds that a limit held requests up: a provider's requests per minute, or concurrency.",
    ),
    "breaker_state": ("gauge", "Circuit breakers: 0 closed, 1 half-open, 2 open; the worst of all workers."),
    "connections": ("gauge", "Clients' connections."),
    "requests_at_work": ("gauge", "Requests at work."),
    "requests_in_line": ("gauge", "Requests that wait for room."),
    "tasks": ("gauge", "Tasks of asyncio; what does not come down again after a load is a leak."),
}
HISTOGRAMS = {
    "request_seconds": "Time to the whole answer.",
    "first_token_seconds": "Time to the first word of an answer that no cache had, by model.",
}
MODELS = 64  # labels of a worker; clients choose names, so more of them are counted as OTHER
OTHER = "other"


class Metrics:
    """The counts of one worker, by family and labels."""

    def __init__(self) -> None:
        self.counts: Counts = _empty()
        self._models: set[tuple[str, str]] = set()
        self._steps: dict[Kind, Steps] = {}

    def count(self, path: str, status: int, seconds: float, outcome: Outcome) -> None:
        """A request is over. `path` is a route's: unknown paths would make label cardinality unbounded."""
        model = self._model(outcome) if outcome.provider else ""
        kind = (path, status, outcome.cache, outcome.provider, model, outcome.error)
        for counter, labels in self._steps.get(kind) or self._prepared(kind):
            counter[labels] += 1
        if not outcome.provider:
            return
        provider = ("provider", outcome.provider)
        self._observe("request_seconds", seconds, (provider, ("outcome", outcome.error or "ok")))
        if outcome.first_token_ms:
            self._observe("first_token_seconds", outcome.first_token_ms / 1000, (provider, ("model", model)))
        for side, tokens in (("input", outcome.input_tokens), ("output", outcome.output_tokens)):
            if tokens:
                self.counts["tokens_total"][provider, ("kind", side)] += tokens
                self.counts["model_tokens_total"][provider, ("model", model), ("kind", side)] += tokens
        if outcome.held:
            self.counts["limited_seconds_total"][(("limit", outcome.provider),)] += outcome.held  # type: ignore[assignment]  # as below
        for passed in outcome.passed:
            self.counts["fallbacks_total"][(("provider", passed),)] += 1

    def _prepared(self, kind: Kind) -> Steps:
        """What to count for each request of a kind, remembered: a cached answer takes no longer than this."""
        path, status, cache, provider, model, error = kind
        steps: Steps = [(self.counts["requests_total"], (("path", path), ("status", str(status))))]
        if cache:
            steps.append((self.counts["cache_total"], (("tier", cache),)))
        if provider:
            labels = (("provider", provider), ("model", model), ("outcome", error or "ok"))
            steps.append((self.counts["model_requests_total"], labels))
        self._steps[kind] = steps
        return steps

    def note(
        self,
        gauges: Mapping[str, int],
        retries: Mapping[str, int],
        breakers: Mapping[str, str],
        limited: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Take over what others count: `gauges` by name, `limited` in seconds by limit, the rest by provider."""
        for name, value in gauges.items():
            self.counts[name][()] = value
        for provider, value in retries.items():
            self.counts["retries_total"][(("provider", provider),)] = value
        for provider, state in breakers.items():
            self.counts["breaker_state"][(("provider", provider),)] = STATES.index(state)
        for limit, seconds in limited.items():
            self.counts["limited_seconds_total"][(("limit", limit),)] = round(seconds, 6)  # type: ignore[assignment]  # as below

    def _model(self, outcome: Outcome) -> str:
        name = (outcome.provider, outcome.model)
        if name not in self._models:
            if len(self._models) >= MODELS:
                return OTHER
            self._models.add(name)
        return outcome.model

    def _observe(self, name: str, seconds: float, labels: Labels) -> None:
        self.counts[name][(*labels, ("le", BOUNDS[bisect_left(SECONDS, seconds)]))] += 1
        self.counts[f"{name}_sum"][labels] += seconds  # type: ignore[assignment]  # a Counter adds up floats as well


def _empty() -> Counts:
    return {name: Counter() for name in (*FAMILIES, *HISTOGRAMS, *(f"{name}_sum" for name in HISTOGRAMS))}


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
    """Counts as Prometheus reads them."""
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
    """A model's name is not ours: a quote or a backslash in it is escaped."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in labels) + "}"
