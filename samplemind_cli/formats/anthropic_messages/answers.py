"""Writes answers for Anthropic's clients: a message, the events of a stream, or an error."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from samplemind_cli.formats import origins, reading
from samplemind_cli.formats.anthropic_messages import tokens
from samplemind_cli.formats.anthropic_messages.block_writer import BlockWriter, PassedBlocks, proof
from samplemind_cli.formats.anthropic_messages.fields import NO_THREADS
from samplemind_cli.formats.types import (
    ATTACHMENTS,
    NO_TOKENS,
    Answer,
    Chunk,
    FaultKind,
    Finish,
    Opaque,
    Part,
    Problem,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

_ENDS: dict[Finish, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "refusal": "refusal",
    "filtered": "refusal",
    "unknown": "end_turn",
}
# The error types, by which clients decide on a retry (docs/en/api/errors).
_STATUS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_KIND: dict[FaultKind | None, str] = {
    "credit": "billing_error",
    "quota": "billing_error",
    "rate": "rate_limit_error",
    "overloaded": "overloaded_error",
}
_CODE = {"insufficient_quota": "billing_error", "billing_error": "billing_error", "overloaded": "overloaded_error"}
# This format's names for our fields.
PARAMS = dict.fromkeys(ATTACHMENTS, "messages")
PARAMS |= {"stop": "stop_sequences", "schema": "output_config.format", "effort": "output_config.effort"}
PARAMS |= {"thinking_budget": "thinking.budget_tokens", NO_TOKENS: "max_tokens"}
_SERVER_ERROR = 500
_TOO_LONG = "prompt is too long"  # on these words Claude Code shortens its conversation


def message(answer: Answer, number: str, estimate: Callable[[], int]) -> bytes:
    """A message object; its id contains `number`; `estimate` counts the prompt's tokens if the provider did not."""
    content = list(_content(answer.parts))
    head = _head(number, f"{answer.provider}/{answer.model}", _usage(_estimated(answer, estimate)), content)
    return _dumps(head | _end(answer))


class Events:
    """The events of one streamed message; those of a provider of this format are passed on unchanged.

    `estimate` counts the prompt's tokens: the first event needs them, and most providers report them in the last one.
    """

    kind = "text/event-stream"
    waits = True

    def __init__(self, number: str, model: str, estimate: Callable[[], int]) -> None:
        self._number = number
        self._model = model
        self._estimate = estimate
        self._begun = False
        self._writer = BlockWriter("")
        self._passed: PassedBlocks | None = None

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk; a cached answer is a single chunk."""
        if (events := chunk.native_events("anthropic_messages")) is not None and self._passes(events):
            for each in events:
                yield event(each)
            return
        if self._passed:
            if self._passed.ended:
                return
            self._writer, self._passed = self._passed.writer(), None
        yield from self._of(chunk)

    def _passes(self, events: Sequence[dict[str, Any]]) -> bool:
        """Whether these events may be passed on: if the message began with the provider's own first event."""
        if not self._begun and events and events[0]["type"] == "message_start":
            self._begun, self._passed = True, PassedBlocks()
        if self._passed is None:
            return False
        for each in events:
            self._passed.add(each)
        return True

    def _of(self, chunk: Chunk) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            if chunk.route:  # pings may have been sent before it was known
                self._model = chunk.route.name
            self._writer = BlockWriter(chunk.origin or origins.of_route(self._model))
            yield event(self._start(chunk))
        if chunk.answer and self._writer.nothing:
            for place, part in _placed(chunk.answer.parts):
                self._writer.part(part, place)
        else:
            self._writer.say(chunk)
        yield from map(event, self._writer.events(last=chunk.answer is not None))
        if chunk.answer:
            usage = _usage(_estimated(chunk.answer, self._estimate))
            yield event({"type": "message_delta", "delta": _end(chunk.answer), "usage": usage})

    def end(self) -> bytes:
        """The last event, unless the provider's own has been passed on."""
        return b"" if self._passed and self._passed.stopped else event({"type": "message_stop"})

    def failed(self, problem: Problem) -> bytes:
        """An error after the first event."""
        return event(error(problem))

    def idle(self) -> bytes:
        """A `ping`."""
        return event({"type": "ping"})

    def _start(self, chunk: Chunk) -> dict[str, Any]:
        """The message without its content; the prompt's tokens are known or estimated, the answer's not yet."""
        known = chunk.answer.usage if chunk.answer else chunk.usage or Usage()
        prompt_tokens = self._estimate() if known.input_tokens is None else known.input_tokens
        usage = _usage(replace(known, input_tokens=prompt_tokens, output_tokens=0, reasoning_tokens=None))
        head = _head(self._number, self._model, usage, [])
        return {"type": "message_start", "message": head | {"stop_reason": None, "stop_sequence": None}}


def event(value: dict[str, Any]) -> bytes:
    """One server-sent event, named by its type."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + _dumps(value) + b"\n\n"


def error(problem: Problem) -> dict[str, Any]:
    """Anthropic's error object, whose type decides on its clients' retries; a provider's own unchanged."""
    if reading.mapping(problem.provider_body).get("type") == "error":
        return dict(problem.provider_body)
    message, param = problem.message, PARAMS.get(problem.param or "", problem.param or "")
    if param and not message.startswith(param):
        message = f"{param}: {message}"
    too_long = problem.kind == "too_long" or problem.code == "context_length_exceeded"
    if too_long and _TOO_LONG not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    details = {"details": {"error_code": NO_THREADS, "unsupported": [param]}} if problem.code == NO_THREADS else {}
    return {"type": "error", "error": {"type": _error_type(problem), "message": message, **details}}


def _error_type(problem: Problem) -> str:
    known = _KIND.get(problem.kind) or _CODE.get(problem.code) or _STATUS.get(problem.status)
    return known or ("api_error" if problem.status >= _SERVER_ERROR else "invalid_request_error")


def _head(number: str, model: str, usage: dict[str, Any], content: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model}
    return {**head, "content": content, "usage": usage}


def _end(answer: Answer) -> dict[str, Any]:
    """The stop reason; a turn that the provider's own tools interrupted is paused, and continues when sent back."""
    last = answer.parts[-1] if answer.parts else None
    paused = answer.finish_reason == "length" and isinstance(last, Opaque) and last.origin == "anthropic_messages"
    reason = "pause_turn" if paused else _ENDS[answer.finish_reason]
    if answer.finish_reason == "stop" and answer.stop_sequence:
        reason = "stop_sequence"
    return {"stop_reason": reason, "stop_sequence": answer.stop_sequence or None}


def _content(parts: Iterable[Part]) -> Iterator[dict[str, Any]]:
    text: dict[str, Any] = {}  # the last one, to which citations belong
    for part in parts:
        match part:
            case Text() if part.text:
                text = {"type": "text", "text": part.text, **part.hints}
                yield text
            case Thinking(redacted=True):
                yield {"type": "redacted_thinking", "data": proof(part)}
            case Thinking() if part.text or part.signature:
                yield {"type": "thinking", "thinking": part.text, "signature": proof(part)}
            case ToolCall():
                given = reading.given_arguments(part)
                yield {"type": "tool_use", "id": part.id, "name": part.name, "input": given, **part.hints}
            case Opaque(origin="anthropic_messages") if part.value.get("type") == "citations_delta":
                text["citations"] = [*text.get("citations", ()), part.value.get("citation")]
            case Opaque(origin="anthropic_messages"):
                yield dict(part.value)


def _placed(parts: Iterable[Part]) -> Iterator[tuple[int, Part]]:
    """The parts, each with the number of calls before it."""
    place = 0
    for part in parts:
        yield place, part
        place += isinstance(part, ToolCall)


def _estimated(answer: Answer, estimate: Callable[[], int]) -> Usage:
    """The tokens as counted by the provider, or estimated."""
    usage = answer.usage
    if usage.input_tokens is None:
        usage = replace(usage, input_tokens=estimate())
    if usage.output_tokens is None:
        arguments = "".join(call.arguments for call in answer.tool_calls)
        usage = replace(usage, output_tokens=tokens.of_answer(answer.thinking + answer.text, arguments))
    return usage


def _usage(counted: Usage) -> dict[str, Any]:
    """The usage; `input_tokens` excludes those of the provider's prompt cache."""
    cached, written = counted.cached_tokens or 0, counted.cache_write_tokens or 0
    thought = counted.reasoning_tokens
    return {
        "input_tokens": max(0, (counted.input_tokens or 0) - cached - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": counted.output_tokens or 0,
        **({} if thought is None else {"output_tokens_details": {"thinking_tokens": thought}}),
    }


def _dumps(value: Any) -> bytes:
    """JSON, also with integers beyond 64 bits, which orjson refuses."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()
