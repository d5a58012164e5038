"""A span and metrics for each call to a provider, by the GenAI conventions.

They are in development (github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai). The names are repeated
here, as opentelemetry-semantic-conventions has deprecated its own since they moved there, and may drop them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, StatusCode

from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.types import Answer, Chunk, Fault, Provider, Request, Route, Usage
from samplemind_cli.errors import CutStreamError, ProviderError
from samplemind_cli.formats.openai_chat.answers import ENDS
from samplemind_cli.server.telemetry import words

if TYPE_CHECKING:
    from samplemind_cli.server.telemetry.pipeline import Pipeline

Value = str | int | float | bool | tuple[str, ...]
SYSTEMS: dict[str, str] = {Provider.GEMINI: "gcp.gemini"}  # the others have our names, or none
PORTS = {"http": 80, "https": 443}
SECONDS = tuple(0.01 * 2**n for n in range(14))
TOKENS = tuple(4**n for n in range(14))


class Calling:
    """Records calls; with `content`, also prompts and answers.

    `traceparent` is not sent to providers: none here continues a trace, and third parties need no ids of ours.
    """

    def __init__(self, pipeline: "Pipeline", *, content: bool) -> None:
        self._tracer = pipeline.tracer
        self._content = content
        histogram = pipeline.meter.create_histogram
        self._seconds = histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._tokens = histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._first = histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )

    @contextmanager
    def watch(self, route: Route, request: Request | None) -> Iterator[Callable[[Chunk], None]]:
        """See `AICore`. The span's parent is the request that makes the call; others that share it have no span."""
        labels = _labels(route, request)
        name = f"{labels['gen_ai.operation.name']} {route.endpoint.model}"
        span = self._tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes={**labels, **_request_attributes(request)}
        )
        response, error = _Response(route, request), ""
        try:
            yield response.add
        except BaseException as failure:
            error = kind(failure)
            raise
        finally:
            answer, flaw = response.answer()
            error = error or flaw
            span.set_attributes(
                {**response.attributes(), **(_content_attributes(request, answer) if self._content else {})}
            )
            if answer:
                end = ENDS.get(answer.finish_reason, answer.finish_reason)
                span.set_attribute("gen_ai.response.finish_reasons", (end,))
            if error:
                span.set_attribute("error.type", error)
                span.set_status(StatusCode.ERROR)
            span.end()
            self._count(response, labels, error)

    def _count(self, response: "_Response", labels: Mapping[str, Value], error: str) -> None:
        labels = {**labels, **({"gen_ai.response.model": response.model} if response.model else {})}
        self._seconds.record(response.seconds(), {**labels, **({"error.type": error} if error else {})})
        for side, tokens in (("input", response.usage.input_tokens), ("output", response.usage.output_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, {**labels, "gen_ai.token.type": side})
        if response.first is not None:
            self._first.record(response.first, labels)


def kind(failure: BaseException) -> str:
    """The value of `error.type`: a `FaultKind`, or "refused", "unreachable", "broken_off", "timeout", "cancelled".

    A provider's own message is left out: it may quote the prompt.
    """
    match failure:
        case UnavailableError(fault=Fault(kind=fault)):
            return fault
        case UnavailableError():
            return "refused" if failure.refused else "unreachable"
        case CutStreamError():
            return "broken_off"
        case TimeoutError():
            return "timeout"
        case asyncio.CancelledError() | GeneratorExit():  # the client has disconnected
            return "cancelled"
    return type(failure).__name__


class _Response:
    """The response of a call so far."""

    def __init__(self, route: Route, request: Request | None) -> None:
        self.model, self.usage = "", Usage()
        self.first: float | None = None  # seconds until the first chunk of a stream
        self._route, self._request = route, request
        self._draft = Draft()
        self._began = time.perf_counter()

    def add(self, chunk: Chunk) -> None:
        if self.first is None and self._request:
            self.first = self.seconds()
        self.model = chunk.model or self.model
        self.usage = self.usage.updated(chunk.usage) if chunk.usage else self.usage
        self._draft.add(chunk)

    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def answer(self) -> tuple[Answer | None, str]:
        """The answer if it is complete, and the kind of error if it is not; None for embeddings."""
        try:
            return (self._draft.answer(self._route.provider, self.model) if self._request else None), ""
        except ProviderError as error:
            return None, kind(error)

    def attributes(self) -> dict[str, Value]:
        """The response's attributes, by the conventions."""
        attributes = {
            "gen_ai.response.model": self.model or None,
            "gen_ai.response.time_to_first_chunk": self.first,
            "gen_ai.usage.input_tokens": self.usage.input_tokens,
            "gen_ai.usage.output_tokens": self.usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": self.usage.cached_tokens,
            "gen_ai.usage.reasoning.output_tokens": self.usage.reasoning_tokens,
        }
        return {name: value for name, value in attributes.items() if value is not None}


def _labels(route: Route, request: Request | None) -> dict[str, Value]:
    return {
        "gen_ai.operation.name": "chat" if request else "embeddings",
        "gen_ai.provider.name": SYSTEMS.get(route.provider, route.provider),
        "gen_ai.request.model": route.endpoint.model,
        **_place(route.endpoint.base_url),
    }


def _place(base_url: str) -> dict[str, Value]:
    """Host and port; unknown for the embedded model before it runs, and for an invalid URL, which the call reports."""
    with suppress(ValueError):
        url = urlsplit(base_url)
        if url.hostname:
            return {"server.address": url.hostname, "server.port": url.port or PORTS.get(url.scheme, 0)}
    return {}


def _request_attributes(request: Request | None) -> dict[str, Value]:
    if request is None:
        return {}
    attributes = {
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.temperature": request.temperature,
        "gen_ai.request.top_p": request.top_p,
        "gen_ai.request.seed": request.seed,
        "gen_ai.request.presence_penalty": request.presence_penalty,
        "gen_ai.request.frequency_penalty": request.frequency_penalty,
        "gen_ai.request.stop_sequences": request.stop or None,
        "gen_ai.request.stream": True,  # upstream always is
        "gen_ai.output.type": "json" if request.schema is not None else None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _content_attributes(request: Request | None, answer: Answer | None) -> dict[str, Value]:
    attributes = {
        "gen_ai.input.messages": request and words.prompt_json(request),
        "gen_ai.output.messages": answer and words.answer_json(answer),
    }
    return {name: value for name, value in attributes.items() if value}
