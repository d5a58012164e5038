"""A span and a duration for each request served (opentelemetry.io/docs/specs/semconv/http)."""

import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from opentelemetry.context import Context, attach
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from samplemind_cli.server.client_keys import path_without_keys
from samplemind_cli.server.message import Incoming, Outcome

if TYPE_CHECKING:
    from samplemind_cli.server.telemetry.pipeline import Pipeline

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
# The convention's bucket boundaries.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
OTHER = "_OTHER"
FAILED = 500
_NOWHERE = Context()
_W3C = TraceContextTextMapPropagator()


class Serving:
    """Records requests; a client's trace (`traceparent`) is continued."""

    def __init__(self, pipeline: "Pipeline") -> None:
        self._tracer = pipeline.tracer
        self._seconds = pipeline.meter.create_histogram(
            "http.server.request.duration",
            "s",
            "Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )

    def begin(self, incoming: Incoming) -> None:
        """Begin a request's span: what this task does from now on belongs to it."""
        incoming.span = self._span(incoming)
        attach(set_span_in_context(incoming.span, _NOWHERE))

    def done(self, incoming: Incoming, status: int, outcome: Outcome) -> dict[str, str]:
        """Record a request that has ended; returns its trace ids."""
        span = self._span(incoming) if incoming.span is None else incoming.span
        if incoming.span:
            attach(_NOWHERE)  # the connection's next request has its own span
        span.set_attribute("http.response.status_code", status)
        for name, value in _outcome_attributes(outcome):
            span.set_attribute(name, value)
        error = _error(status, outcome)
        if error:
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        span.end()
        labels: dict[str, str | int] = {**_request(_method(incoming), incoming.route, incoming.chunked)}
        labels["http.response.status_code"] = status
        labels |= {"error.type": error} if error else {}
        self._seconds.record(time.perf_counter() - incoming.began, labels)
        return self.ids(span)

    @staticmethod
    def ids(span: Span | None = None) -> dict[str, str]:
        """A span's ids for the log, by default the current one's; empty when there is none."""
        context = (span or get_current_span()).get_span_context()
        return (
            {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"} if context.is_valid else {}
        )

    def _span(self, incoming: Incoming) -> Span:
        method = _method(incoming)
        request = _request(method, incoming.route, incoming.chunked)
        name = f"{'HTTP' if method == OTHER else method} {request.get('http.route', '')}".rstrip()
        more = {"url.path": path_without_keys(incoming.path), "samplemind.request_id": incoming.id}
        if agent := incoming.headers.get("user-agent"):
            more["user_agent.original"] = agent
        parent = _W3C.extract(incoming.headers, _NOWHERE) if "traceparent" in incoming.headers else _NOWHERE
        began = time.time_ns() - int((time.perf_counter() - incoming.began) * 1e9)
        return self._tracer.start_span(name, parent, SpanKind.SERVER, {**request, **more}, start_time=began)


def _method(incoming: Incoming) -> str:
    return incoming.method if incoming.method in METHODS else OTHER


@cache
def _request(method: str, route: str, chunked: bool) -> Mapping[str, str]:
    """A request's attributes, of low cardinality."""
    attributes = {
        "http.request.method": method,
        "url.scheme": "http",
        "network.protocol.version": "1.1" if chunked else "1.0",
    }
    return attributes if route == "other" else attributes | {"http.route": route}


def _outcome_attributes(outcome: Outcome) -> list[tuple[str, str | tuple[str, ...]]]:
    """The answer's provenance. No GenAI attributes: they are on the call's span, and would be counted twice."""
    route = f"{outcome.provider}/{outcome.model}" if outcome.provider else ""
    facts = (("cache", outcome.cache), ("route", route), ("passed_over", tuple(map(str, outcome.passed))))
    return [(f"samplemind.{name}", value) for name, value in facts if value]


def _error(status: int, outcome: Outcome) -> str:
    """The error type of a failure on our side; empty for a client's error.

    These include a stream that fails after its status 200, and a 403 because a provider refused our key.
    """
    ours = status >= FAILED or (outcome.error and (status == 200 or outcome.error == "provider_auth"))  # noqa: PLR2004 - HTTP
    return outcome.error or str(status) if ours else ""
