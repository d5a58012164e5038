"""Anthropic's Messages API (platform.claude.com/docs/en/api/messages): named server-sent events when streamed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from samplemind_cli.ai.providers import wire
from samplemind_cli.ai.types import (
    Ability,
    Call,
    Chunk,
    Endpoint,
    Fault,
    FaultKind,
    Finish,
    Message,
    Request,
    ToolCall,
    Usage,
)

TAKES: frozenset[Ability] = frozenset({"image", "tools", "schema", "stop", "parallel_tool_calls"})

# Pinned: a later version (2026-10-21) answers 400 to parameters this one takes, and the API has no default version.
VERSION = "2023-06-01"
# The API wants a cap on every request; this is one every Claude model still served allows.
MAX_TOKENS = 8192
# Shorter prefixes are never cached: 1024 tokens for most models (docs/en/build-with-claude/prompt-caching), of about
# 4 characters each. Models with a higher minimum ignore the mark.
CACHED_FROM = 4096

_ENDS: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # a part of an answer, to be continued by another request
    "refusal": "refusal",
}
# `api_error`, `timeout_error` and `conflict_error` say no more than their status.
_KINDS: dict[str, FaultKind] = {
    "invalid_request_error": "request",
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "credit",
    "not_found_error": "not_found",
    "request_too_large": "too_long",
    "rate_limit_error": "rate",
    "overloaded_error": "overloaded",
}
# No money comes as a 400 or a 429 too (docs/en/api/errors); the monthly cap is told by `details.error_code` alone.
_NO_CREDIT = re.compile(
    r"credit balance is too low|usage blocked due to|reached your specified .*usage limits", re.IGNORECASE
)

# What a schema for Claude may not say (docs/en/build-with-claude/structured-outputs), what holds schemas by name, and
# what holds no schemas but values.
_UNKNOWN = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_UNKNOWN |= {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
_NAMED = {"properties", "$defs", "definitions"}
_VALUES = {"enum", "const", "default", "examples"}


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A message request. `temperature` is left out: newer models and versions answer 400 to any sampling parameter."""
    body: dict[str, Any] = {
        "model": endpoint.model,
        "max_tokens": MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        "messages": list(_turns(request.messages)),
        "stream": request.stream,
    }
    if system := wire.system(request.messages):
        body["system"] = _system(system)
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": _schema(request.schema)}}
    if request.tools:
        body["tools"] = [_tool(wire.mapping(tool.get("function"))) for tool in request.tools]
        if choice := _choice(request):
            body["tool_choice"] = choice
    headers = {"anthropic-version": VERSION} | ({"x-api-key": endpoint.api_key} if endpoint.api_key else {})
    return Call(f"{endpoint.base_url}/v1/messages", body, headers)


def read(event: Any) -> Chunk:
    """One event, told by its `type`, or the whole message (`"type": "message"`)."""
    body = wire.mapping(event)
    reader = _READERS.get(wire.text(body.get("type")))
    return reader(body) if reader else Chunk()


def fault(status: int, body: Any) -> Fault:
    """`{"type": "error", "error": {type, message}}`, in a response and in a stream alike."""
    error = wire.error(body)
    message = wire.text(error.get("message"))
    kind = _KINDS.get(wire.text(error.get("type")))
    capped = wire.mapping(error.get("details")).get("error_code") == "enforced_spend_limit_reached"
    return wire.fault(status, message, "credit" if capped or _NO_CREDIT.search(message) else kind)


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The conversation in turns that alternate; results of parallel calls must stand in one turn."""
    spoken = (message for message in messages if message.role != "system")
    for role, turn in groupby(spoken, lambda message: "assistant" if message.role == "assistant" else "user"):
        if content := [block for message in turn for block in _content(message)]:
            yield {"role": role, "content": content}


def _content(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {"type": "tool_result", "tool_use_id": _id(message.tool_call_id), "content": message.text}
        return
    for attachment in message.attachments:
        source = {"type": "base64", "media_type": attachment.media_type, "data": wire.encoded(attachment)}
        yield {"type": "image", "source": source}
    if message.text:  # an empty block is an error
        yield {"type": "text", "text": message.text}
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": wire.arguments(call)}


def _id(call_id: str) -> str:
    """Another provider's call id in the letters Claude takes."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id) or "_"


def _system(text: str) -> str | list[dict[str, Any]]:
    if len(text) < CACHED_FROM:
        return text
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _schema(schema: Any) -> Any:
    """The schema as Claude takes it: objects closed, and bounds turned into words, which the core holds it to."""
    if isinstance(schema, list):
        return [_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {word: _inside(word, value) for word, value in schema.items() if word not in _UNKNOWN}
    if bounds := {word: value for word, value in schema.items() if word in _UNKNOWN}:
        kept["description"] = f"{wire.text(kept.get('description'))} {wire.dumps(bounds)}".strip()
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def _inside(word: str, value: Any) -> Any:
    if word in _VALUES:
        return value
    if word in _NAMED and isinstance(value, Mapping):
        return {name: _schema(inner) for name, inner in value.items()}
    return _schema(value)


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", **wire.mapping(function.get("parameters"))}
    described = {"description": function["description"]} if function.get("description") else {}
    return {"name": function.get("name"), **described, "input_schema": schema}


def _choice(request: Request) -> dict[str, Any]:
    """Which tools may be called and how many at once; nothing where the request says nothing."""
    choice = request.tool_choice
    one = {} if request.parallel_tool_calls is None or choice == "none" else {"disable_parallel_tool_use": True}
    if choice is None:
        return {"type": "auto", **one} if one else {}
    if isinstance(choice, str):
        return {"type": {"required": "any"}.get(choice, choice), **one}
    return {"type": "tool", "name": wire.mapping(choice.get("function")).get("name"), **one}


def _whole(message: dict[str, Any]) -> Chunk:
    chunks = [_block(block) for block in wire.mappings(message.get("content"))]
    finish, bad_end = _end(message)
    return Chunk(
        text="".join(chunk.text for chunk in chunks),
        thinking="".join(chunk.thinking for chunk in chunks),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        finish=finish,
        usage=_usage(message),
        fault=bad_end,
        model=wire.text(message.get("model")),
    )


def _begun(message: dict[str, Any]) -> Chunk:
    return Chunk(usage=_usage(message), model=wire.text(message.get("model")))


def _block(block: dict[str, Any], index: int | None = None) -> Chunk:
    """A whole block, or, with an index, the beginning of one: there a call's input is empty and comes in pieces."""
    match block.get("type"):
        case "text":
            return Chunk(text=wire.text(block.get("text")))
        case "thinking":
            return Chunk(thinking=wire.text(block.get("thinking")))
        case "tool_use":
            given = wire.dumps(wire.mapping(block.get("input"))) if index is None else ""
            call = ToolCall(wire.text(block.get("name")), given, wire.text(block.get("id")), index)
            return Chunk(tool_calls=(call,))
    return Chunk()


def _delta(event: dict[str, Any]) -> Chunk:
    delta = wire.mapping(event.get("delta"))
    match delta.get("type"):
        case "text_delta":
            return Chunk(text=wire.text(delta.get("text")))
        case "thinking_delta":
            return Chunk(thinking=wire.text(delta.get("thinking")))
        case "input_json_delta":
            piece = ToolCall(arguments=wire.text(delta.get("partial_json")), index=_index(event))
            return Chunk(tool_calls=(piece,))
    return Chunk()


def _index(event: dict[str, Any]) -> int:
    return wire.count(event.get("index")) or 0


def _last(event: dict[str, Any]) -> Chunk:
    finish, bad_end = _end(wire.mapping(event.get("delta")))
    return Chunk(finish=finish, usage=_usage(event), fault=bad_end)


def _end(message: dict[str, Any]) -> tuple[Finish | None, Fault | None]:
    reason = wire.text(message.get("stop_reason"))
    return _ENDS.get(reason), wire.unfinished(reason) if reason and reason not in _ENDS else None


def _usage(message: dict[str, Any]) -> Usage | None:
    """`input_tokens` counts what was neither read from the prompt cache nor written to it."""
    usage = wire.mapping(message.get("usage"))
    written, cached = (wire.count(usage.get(f"cache_{done}_input_tokens")) for done in ("creation", "read"))
    fresh = wire.count(usage.get("input_tokens"))
    return wire.counted(
        Usage(
            input_tokens=None if fresh is None else wire.total(fresh, written, cached),
            output_tokens=wire.count(usage.get("output_tokens")),
            cached_tokens=cached,
        )
    )


_READERS: dict[str, Callable[[dict[str, Any]], Chunk]] = {
    "message": _whole,
    "message_start": lambda event: _begun(wire.mapping(event.get("message"))),
    "content_block_start": lambda event: _block(wire.mapping(event.get("content_block")), _index(event)),
    "content_block_delta": _delta,
    "message_delta": _last,
    "error": lambda event: Chunk(fault=fault(200, event)),
}
