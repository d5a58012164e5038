"""Writes answers for OpenAI's chat clients: a completion, or the events of a stream."""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from samplemind_cli.formats import reading
from samplemind_cli.formats.openai_chat import calls
from samplemind_cli.formats.types import ATTACHMENTS, NO_TOKENS, Answer, Chunk, Finish, Opaque, Problem, Usage

ENDS: dict[Finish, str] = {"refusal": "content_filter", "filtered": "content_filter", "unknown": "stop"}
BILLING = "billing_error"
# This format's names for our fields.
PARAMS = dict.fromkeys(ATTACHMENTS, "messages")
PARAMS |= {"schema": "response_format", "effort": "reasoning_effort", "thinking_budget": "reasoning_effort"}
PARAMS |= {NO_TOKENS: "max_tokens"}
DONE = b"data: [DONE]\n\n"


def completion(answer: Answer, number: str, customs: Collection[str] = ()) -> bytes:
    """A chat.completion object; `number` makes its id. `customs`: the names of custom tools."""
    head = _head(number, f"{answer.provider}/{answer.model}", "chat.completion")
    choices = [_choice(choice, n, customs) for n, choice in enumerate((answer, *answer.others))]
    return orjson.dumps({**head, "choices": choices, "usage": usage(answer.usage)})


class Events:
    """The events of one streamed completion; those of a provider of this format are passed on unchanged."""

    kind = "text/event-stream; charset=utf-8"
    waits = False

    def __init__(self, number: str, model: str, *, count: bool, customs: Collection[str] = ()) -> None:
        self._head = _head(number, model, "chat.completion.chunk")
        self._count = count
        self._customs = customs
        self._calls = calls.CallDeltas(customs)
        self._opened: set[int] = set()
        self._ended = self._counted = False  # by the provider's own events

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk; a cached answer is a single chunk."""
        if chunk.route:
            self._head["model"] = chunk.route.name
        if (events := chunk.native_events("openai_chat")) is not None:
            for each in events:
                yield from self._passed(each)
        elif not (chunk.answer and self._ended):
            yield from self._written(chunk)
        if chunk.answer and self._count and not self._counted:
            yield event({**self._head, "choices": [], "usage": usage(chunk.answer.usage)})

    def _passed(self, native: dict[str, Any]) -> Iterator[bytes]:
        """A provider's event, without the usage unless the client requested it."""
        self._opened.add(0)
        self._ended = self._ended or any(choice.get("finish_reason") for choice in native["choices"])
        if native.get("usage"):
            self._counted = True
        if self._count or "usage" not in native:
            yield event(native)
        elif native["choices"]:
            yield event({name: value for name, value in native.items() if name != "usage"})

    def _written(self, chunk: Chunk) -> Iterator[bytes]:
        if chunk.answer and 0 not in self._opened:
            self._calls = calls.CallDeltas(self._customs)
            for n, choice in enumerate((chunk.answer, *chunk.answer.others)):
                yield self._event(_message(choice, self._customs), n, logprobs=choice.logprobs)
        else:
            for n, each in ((0, chunk), *chunk.others):
                if delta := self._delta(n, each):
                    yield self._event(delta, n, logprobs=each.logprobs)
        if chunk.answer:
            for n, choice in enumerate((chunk.answer, *chunk.answer.others)):
                cut_off = self._calls.rest(n)
                yield self._event({"tool_calls": cut_off} if cut_off else {}, n, _end(choice))

    def _delta(self, n: int, chunk: Chunk) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.thinking:
            delta["reasoning_content"] = chunk.thinking
        if isinstance(chunk.block, Opaque) and chunk.block.origin == "openai_chat":
            _add(delta, chunk.block)
        if deltas := list(self._calls.written(n, chunk.tool_calls)):
            delta["tool_calls"] = deltas
        return delta

    def end(self) -> bytes:
        """The marker after the last event."""
        return DONE

    def failed(self, problem: Problem) -> bytes:
        """An error, without a [DONE] after it."""
        return event(error(problem))

    def idle(self) -> bytes:
        """Empty: the format has no ping."""
        return b""

    def _event(self, delta: dict[str, Any], n: int, end: str | None = None, logprobs: tuple[Any, ...] = ()) -> bytes:
        if n not in self._opened:
            self._opened.add(n)
            delta = {"role": "assistant", "content": "", **delta}
        choice: dict[str, Any] = {"index": n, "delta": delta, "finish_reason": end}
        if logprobs:
            choice["logprobs"] = {"content": list(logprobs), "refusal": None}
        return event({**self._head, "choices": [choice]})


def event(value: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def usage(counted: Usage) -> dict[str, Any]:
    """The usage; unknown counts are 0, as the clients' types require a number."""
    prompt_tokens, completion_tokens = counted.input_tokens or 0, counted.output_tokens or 0
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": counted.cached_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning_tokens or 0},
    }


def error(problem: Problem, names: Mapping[str, str] = PARAMS) -> dict[str, Any]:
    """OpenAI's error object; a provider's own unchanged. `names`: the format's names for our parameters."""
    if reading.mapping(problem.provider_body).get("error"):
        return dict(problem.provider_body)
    kind = problem.code if problem.code == BILLING else error_type(problem.status)
    param = names.get(problem.param, problem.param) if problem.param else None
    return {"error": {"message": problem.message, "type": kind, "param": param, "code": problem.code or None}}


def error_type(status: int) -> str:
    """OpenAI's error type for a status."""
    known = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return known.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP


def _head(number: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": model}


def _choice(answer: Answer, n: int, customs: Collection[str]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        **_message(answer, customs, streamed=False),
    }
    logprobs = {"content": list(answer.logprobs), "refusal": None} if answer.logprobs else None
    return {"index": n, "message": message, "logprobs": logprobs, "finish_reason": _end(answer)}


def _message(answer: Answer, customs: Collection[str], *, streamed: bool = True) -> dict[str, Any]:
    """A whole answer as a message, or as one delta."""
    message: dict[str, Any] = {"content": answer.text} if answer.text else {}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking  # the name that DeepSeek, vLLM and llama.cpp gave it
    for part in answer.parts:
        if isinstance(part, Opaque) and part.origin == "openai_chat":
            _add(message, part)
    if made := answer.tool_calls:
        places = ({"index": n} if streamed else {} for n in range(len(made)))
        told = (calls.written(call, customs) for call in made)
        message["tool_calls"] = [{**place, **call} for place, call in zip(places, told, strict=True)]
    return message


def _add(message: dict[str, Any], block: Opaque) -> None:
    """Add a block's fields: annotations, images, audio."""
    for name, value in block.value.items():
        message[name] = [*message.get(name, ()), *value] if isinstance(value, list) else value


def _end(answer: Answer) -> str:
    return ENDS.get(answer.finish_reason, answer.finish_reason)
