"""How Claude, or a server that speaks Anthropic's Messages API, is asked and read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from samplemind_cli.formats import conversation, faults, reading, schemas
from samplemind_cli.formats.anthropic_messages.events import read
from samplemind_cli.formats.types import (
    Call,
    Endpoint,
    Fault,
    Media,
    Message,
    Opaque,
    Part,
    Reader,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

# Pinned: a later version (2026-10-21) answers 400 to parameters this one takes, and the API has no default version.
VERSION = "2023-06-01"
# The API wants a cap on every request; this is one every Claude model still served allows.
MAX_TOKENS = 8192
# Shorter prefixes are never cached: 1024 tokens for most models (docs/en/build-with-claude/prompt-caching), of about
# 4 characters each. Models with a higher minimum ignore the mark.
CACHED_FROM = 4096
_TAKEN = frozenset({"image", "image_url", "file", "file_url", "file_id", "tools", "tool_choice", "schema", "stop"})
_TAKEN |= {"effort", "thinking_budget", "cache_control", "citations", "title", "context"}
# Claude before 4.6 thinks within a budget of tokens; since then it is told to adapt, and how hard to try
# (docs/en/build-with-claude/adaptive-thinking).
_BUDGETED = re.compile(r"claude-(3|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-latest)?$)")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_000}
_EFFORTS = {"minimal": "low", "xhigh": "max"}
_LEAST_BUDGET = 1024


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """Of another format's fields only those it has a word for; of its own every one."""
    del endpoint
    if name.startswith("anthropic_messages "):  # a block of its own
        return True
    if request.source == "anthropic_messages":
        return name not in ("audio", "audio_url")
    if not request.source and name in request.extra:
        return True
    return name in _TAKEN


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed message request. Sampling parameters go only where they were asked in this format.

    Newer models and versions answer 400 to any of them.
    """
    messages = conversation.linked(request.messages)
    own = request.source == "anthropic_messages"
    body: dict[str, Any] = {
        "model": endpoint.model,
        "max_tokens": MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        "messages": list(_turns(messages)),
        "stream": True,
    }
    if system := _system(messages, request):
        body["system"] = system
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if own:
        for name in ("temperature", "top_p"):
            if (value := getattr(request, name)) is not None:
                body[name] = value
    _think(body, request, endpoint.model)
    if request.schema is not None and not schemas.open_objects(request.schema):
        form = {"type": "json_schema", "schema": schemas.for_claude(request.schema)}
        body["output_config"] = {**body.get("output_config", {}), "format": form}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if choice := _choice(request):
            body["tool_choice"] = choice
    _add(body, {name: value for name, value in request.extra.items() if takes(name, request, endpoint)})
    body |= request.unkeyed if own else {}
    headers = {"anthropic-version": VERSION} | ({"x-api-key": endpoint.api_key} if endpoint.api_key else {})
    return Call(f"{endpoint.base_url}/v1/messages", body, headers)


def reader(request: Request) -> Reader:
    """Events are read one by one, whatever was asked."""
    del request
    return read


def fault(status: int, body: Any) -> Fault:
    """`{"type": "error", "error": {type, message}}`, in a response and in a stream alike, with or without its type."""
    return faults.fault(status, body)


def models(endpoint: Endpoint) -> Call:
    """`GET /v1/models`."""
    headers = {"anthropic-version": VERSION, **({"x-api-key": endpoint.api_key} if endpoint.api_key else {})}
    return Call(f"{endpoint.base_url}/v1/models?limit=1000", None, headers, "GET")


def read_models(body: Any) -> list[str]:
    """`data[].id`."""
    return list(reading.names(reading.mappings(reading.mapping(body).get("data")), "id"))


def _add(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """The fields as they came; what stands inside of an object of ours is put beside it."""
    for name, value in extra.items():
        there = body.get(name)
        body[name] = {**value, **there} if isinstance(there, dict) and isinstance(value, dict) else value


def _think(body: dict[str, Any], request: Request, model: str) -> None:
    """`thinking` and `output_config.effort`, for an effort or a budget that was given in another format."""
    if "thinking" in request.extra or not (request.effort or request.thinking_budget is not None):
        return
    if request.effort == "none" or request.thinking_budget == 0:
        body["thinking"] = {"type": "disabled"}
    elif _BUDGETED.match(model) or not request.effort:
        wanted = request.thinking_budget or _BUDGETS.get(request.effort, _BUDGETS["medium"])
        if request.max_tokens is None:
            body["max_tokens"] = wanted + MAX_TOKENS
        if (budget := min(wanted, body["max_tokens"] - 1)) >= _LEAST_BUDGET:
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    else:
        body["thinking"] = {"type": "adaptive"}
        body["output_config"] = {"effort": _EFFORTS.get(request.effort, request.effort)}


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The conversation in turns that alternate; results of parallel calls stand first, in one turn."""
    for model, turn in conversation.turns(messages):
        blocks = [block for message in turn for part in message.parts for block in _blocks(part)]
        if not model:
            blocks.sort(key=lambda block: block.get("type") != "tool_result")
        if blocks:
            yield {"role": "assistant" if model else "user", "content": blocks}


def _blocks(part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case Text() if part.text.strip():  # a block of white space alone is an error
            yield {"type": "text", "text": part.text, **_kept(part.hints)}
        case Media():
            yield {**_media(part), **_kept(part.hints)}
        case ToolCall():
            given = reading.given_arguments(part)
            yield {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": given, **_kept(part.hints)}
        case ToolResult():
            content = [block for inner in part.parts for block in _blocks(inner)]
            plain = all(isinstance(inner, Text) and not inner.hints for inner in part.parts)
            failed = {"is_error": True} if part.failed else {}
            said = {"content": part.text if plain else content} if content or not failed else {}
            yield {"type": "tool_result", "tool_use_id": _id(part.call_id), **said, **failed, **_kept(part.hints)}
        case Thinking(origin="anthropic_messages"):
            if part.redacted:
                yield {"type": "redacted_thinking", "data": part.signature}
            elif part.signature:  # without one it is refused
                yield {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case Opaque(origin="anthropic_messages"):
            yield dict(part.value)


def _kept(hints: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hints.items() if name in _TAKEN}


def _media(part: Media) -> dict[str, Any]:
    kind = "image" if part.kind == "image" else "document"
    titled = {"title": part.name} if kind == "document" and part.name else {}
    if part.file_id:
        return {"type": kind, "source": {"type": "file", "file_id": part.file_id}, **titled}
    if part.url:
        return {"type": kind, "source": {"type": "url", "url": part.url}, **titled}
    if kind == "document" and part.media_type.startswith("text/"):
        words = part.data.decode("utf-8", "replace")
        return {"type": kind, "source": {"type": "text", "media_type": "text/plain", "data": words}, **titled}
    source = {"type": "base64", "media_type": part.media_type, "data": reading.encoded(part)}
    return {"type": kind, "source": source, **titled}


def _id(call_id: str) -> str:
    """Another provider's call id in the letters Claude takes."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id) or "_"


def _system(messages: Sequence[Message], request: Request) -> str | list[dict[str, Any]]:
    """The instructions; long ones are marked for the provider's own cache unless the client marks something itself."""
    found = conversation.system(messages)
    wanted = request.json_mode or (request.schema is not None and schemas.open_objects(request.schema))
    words = [Text(schemas.in_words(request.schema))] if wanted else []
    if any(part.hints for part in found):
        return [{"type": "text", "text": part.text, **_kept(part.hints)} for part in (*found, *words)]
    text = "\n\n".join(part.text for part in (*found, *words))
    if len(text) < CACHED_FROM or "cache_control" in request.wishes:
        return text
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function as Claude's tool; one of its own kinds (`web_search_20250305`, …) as it came."""
    if "function" not in tool:
        return dict(tool)
    function = reading.mapping(tool["function"])
    schema = {"type": "object", **reading.mapping(function.get("parameters"))}
    described = {"description": function["description"]} if function.get("description") else {}
    more = {name: value for name, value in tool.items() if name not in ("type", "function", "strict")}
    return {"name": function.get("name"), **described, "input_schema": schema, **more}


def _choice(request: Request) -> dict[str, Any]:
    """Which tools may be called and how many at once; nothing where the request says nothing."""
    choice = request.tool_choice
    one = {} if request.parallel_tool_calls is None or choice == "none" else {"disable_parallel_tool_use": True}
    if choice is None:
        return {"type": "auto", **one} if one else {}
    if isinstance(choice, str):
        return {"type": {"required": "any"}.get(choice, choice), **one}
    return {"type": "tool", "name": reading.mapping(choice.get("function")).get("name"), **one}
