"""An answer as OpenAI's clients read it: a completion, the events of a stream, and the headers that say whence."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from samplemind_cli.ai.types import Answer, Chunk, Finish, ToolCall, Usage

ENDS: dict[Finish, str] = {"refusal": "content_filter", "filtered": "content_filter"}
PROVENANCE = (
    "text",
    "thinking",
    "tool_calls",
    "provider",
    "model",
    "cached",
    "finish_reason",
    "usage",
    "latency_ms",
    "key",
)
EVENTS = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"


def whence(provider: str, model: str, tier: str) -> dict[str, str]:
    """The headers that say where an answer comes from; `tier` is "miss", "local" or "redis".

    The route, `provider/model`, asks the same model again where it stands for a model's name.
    """
    return {
        "x-samplemind-cache": tier,
        "x-samplemind-provider": provider,
        "x-samplemind-route": f"{provider}/{model}",
    }


def completion(answer: Answer, number: str) -> bytes:
    """A chat.completion object; `number` makes its id."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking  # the name that DeepSeek, vLLM and llama.cpp gave it
    if answer.tool_calls:
        message["tool_calls"] = [_call(call, n) for n, call in enumerate(answer.tool_calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _end(answer)}
    head = _head(number, f"{answer.provider}/{answer.model}", "chat.completion")
    return orjson.dumps({**head, "choices": [choice], "usage": usage(answer.usage)})


def provenance(answer: Answer) -> bytes:
    """An answer and where it came from, as `samplemind ask --json` tells it."""
    return orjson.dumps({name: getattr(answer, name) for name in PROVENANCE})


class Events:
    """The events of one streamed completion."""

    def __init__(self, number: str, model: str, *, count: bool) -> None:
        self._head = _head(number, model, "chat.completion.chunk")
        self._count = count
        self._calls: dict[int, int] = {}  # a provider's index of a call, and its place here
        self._next = 0
        self._opened = False

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events that say what a chunk says."""
        delta: dict[str, Any] = {}
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.thinking:
            delta["reasoning_content"] = chunk.thinking
        if chunk.tool_calls:
            places = map(self._place, chunk.tool_calls)
            delta["tool_calls"] = [
                {"index": n, **_call(call, n)} for call, n in zip(chunk.tool_calls, places, strict=True)
            ]
        if not self._opened:
            self._opened = True
            delta = {"role": "assistant", "content": "", **delta}
        if delta:
            yield self._event(delta)
        if chunk.answer:
            yield self._event({}, _end(chunk.answer))
            if self._count:
                yield event({**self._head, "choices": [], "usage": usage(chunk.answer.usage)})

    def _place(self, call: ToolCall) -> int:
        place = self._next if call.index is None else self._calls.setdefault(call.index, self._next)
        self._next = max(self._next, place + 1)
        return place

    def _event(self, delta: dict[str, Any], end: str | None = None) -> bytes:
        return event({**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]})


def event(value: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def usage(counted: Usage) -> dict[str, Any]:
    """Tokens; what the provider did not count is 0, as the clients' types want a number."""
    asked, said = counted.input_tokens or 0, counted.output_tokens or 0
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": counted.cached_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning_tokens or 0},
    }


def _head(number: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": model}


def _end(answer: Answer) -> str:
    return ENDS.get(answer.finish_reason, answer.finish_reason)


def _call(call: ToolCall, place: int) -> dict[str, Any]:
    """A call, or a piece of one: what a piece does not say is left out."""
    said: dict[str, Any] = {"type": "function", "function": {"arguments": call.arguments}}
    if call.name:
        said["function"]["name"] = call.name
        said["id"] = call.id or f"call_{place}"
    return said
