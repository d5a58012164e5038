"""Writes answers for Ollama's clients: an object, or a stream with one on each line."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.assembly import Assembly
from samplemind_cli.formats.types import (
    ATTACHMENTS,
    NO_TOKENS,
    PARAMETERS,
    Answer,
    Chunk,
    Finish,
    Opaque,
    Part,
    Problem,
    Text,
    Thinking,
    ToolCall,
)

ENDS: dict[Finish, str] = {"tool_calls": "stop", "refusal": "refusal", "filtered": "content_filter"}
# This format's names for our fields.
PARAMS = dict.fromkeys(ATTACHMENTS, "messages")
PARAMS |= {name: f"options.{name}" for name in (*PARAMETERS, "temperature", "top_k", "min_p", "num_ctx")}
PARAMS |= {"schema": "format", "effort": "think", "thinking_budget": "think", NO_TOKENS: "options.num_predict"}
_MILLISECOND = 1_000_000  # in nanoseconds, the format's unit for durations


def whole_message(answer: Answer, model: str, *, generate: bool) -> bytes:
    """A whole answer: a chat's message, or a generate's response."""
    took = round(answer.latency_ms * _MILLISECOND)
    content = _content(answer.parts, generate=generate) | _logprobs(answer.logprobs)
    return reading.packed({**_head(model), **content, **_end(answer, took, 0)})


def done(model: str, reason: str, *, generate: bool) -> bytes:
    """The answer to a body without a prompt: the model was loaded ("load") or unloaded ("unload")."""
    return reading.packed({**_head(model), **_content((), generate=generate), "done": True, "done_reason": reason})


class Events:
    """The lines of one streamed answer; the daemon's own are passed on unchanged."""

    kind = "application/x-ndjson"
    waits = True

    def __init__(self, model: str, *, generate: bool) -> None:
        self._model = model
        self._generate = generate
        self._begun = time.monotonic_ns()
        self._first = 0  # nanoseconds until the first token
        self._assembly = Assembly("ollama")
        self._ended = False  # by the daemon's own last line

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The lines for a chunk; two for a cached answer."""
        if (lines := chunk.native_events("ollama")) is not None and self._fits(lines):
            for line in lines:
                self._first = self._first or time.monotonic_ns() - self._begun
                self._ended = self._ended or line.get("done") is True
                yield reading.packed(line) + b"\n"
            return
        if chunk.answer and self._ended:
            return
        cached = chunk.answer if not self._first else None
        parts = cached.parts if cached else tuple(self._assembly.of(chunk))
        logprobs = cached.logprobs if cached else chunk.logprobs
        self._first = self._first or time.monotonic_ns() - self._begun
        if chunk.answer and not cached:
            parts = (*parts, *self._assembly.rest())
        if parts or logprobs:
            yield self._line(parts, _logprobs(logprobs))
        if chunk.answer:
            took = time.monotonic_ns() - self._begun
            yield self._line((), _end(chunk.answer, took, self._first))

    def _fits(self, lines: Sequence[Any]) -> bool:
        """Whether the lines belong to the requested path: a chat and a generate may share one call."""
        return all(("response" in line) == self._generate for line in lines)

    def end(self) -> bytes:
        """Empty: the last line has `done`."""
        return b""

    def failed(self, problem: Problem) -> bytes:
        """An error after the first line."""
        return reading.packed(error(problem)) + b"\n"

    def idle(self) -> bytes:
        """A line without text: clients parse every line, so an empty one would be an error."""
        return self._line(())

    def _line(self, parts: Sequence[Part], more: dict[str, Any] | None = None) -> bytes:
        content = _content(parts, generate=self._generate)
        return reading.packed({**_head(self._model), **content, "done": False, **(more or {})}) + b"\n"


def error(problem: Problem) -> dict[str, Any]:
    """The error object, which has only a message; a provider's own is passed on unchanged."""
    if reading.mapping(problem.provider_body).get("error"):
        return dict(problem.provider_body)
    param = PARAMS.get(problem.param or "", problem.param or "")
    named = "" if not param or problem.message.startswith(param) else f"{param}: "
    return {"error": named + problem.message}


def _head(model: str) -> dict[str, Any]:
    return {"model": model, "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


def _content(parts: Sequence[Part], *, generate: bool) -> dict[str, Any]:
    words = "".join(part.text for part in parts if isinstance(part, Text))
    thoughts = "".join(part.text for part in parts if isinstance(part, Thinking))
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thinking = {"thinking": thoughts} if thoughts else {}
    if generate:
        return {"response": words, **thinking}
    blocks = (part.value for part in parts if isinstance(part, Opaque) and part.origin == "ollama")
    pictures = [image for block in blocks for image in block.get("images", ())]
    message: dict[str, Any] = {"role": "assistant", "content": words, **thinking}
    message |= {"images": pictures} if pictures else {}
    return {"message": message | ({"tool_calls": list(map(_call, calls))} if calls else {})}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": reading.given_arguments(call)}
    return {**({"id": call.id} if call.id else {}), "function": function}


def _logprobs(found: Sequence[Any]) -> dict[str, Any]:
    return {"logprobs": list(found)} if found else {}


def _end(answer: Answer, took: int, first: int) -> dict[str, Any]:
    """The last line's fields: finish reason, counted tokens, and nanoseconds until the first token and after it."""
    usage = answer.usage
    counts = {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    return {
        "done": True,
        "done_reason": ENDS.get(answer.finish_reason, answer.finish_reason),
        "total_duration": took,
        "load_duration": 0,
        **{name: count for name, count in counts.items() if count is not None},
        "prompt_eval_duration": first,
        "eval_duration": max(0, took - first),
    }
