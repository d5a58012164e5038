"""Calls to Anthropic's Messages API, or a compatible server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from samplemind_cli.formats import conversation, faults, reading, schemas
from samplemind_cli.formats.anthropic_messages import blocks
from samplemind_cli.formats.anthropic_messages import schemas as own_schemas
from samplemind_cli.formats.anthropic_messages.events import Blocks, read, readable
from samplemind_cli.formats.anthropic_messages.fields import ATTRIBUTION
from samplemind_cli.formats.headers import ANTHROPIC_VERSION
from samplemind_cli.formats.types import Call, Endpoint, Fault, Message, Reader, Request, Text

__all__ = ["chat", "count", "fault", "models", "read", "read_count", "read_models", "readable", "reader", "takes"]

# The API requires a cap in every request; every Claude model still served allows this one.
MAX_TOKENS = 8192
# Shorter prefixes are never cached: 1024 tokens for most models (docs/en/build-with-claude/prompt-caching), of about
# 4 characters each. Models with a higher minimum ignore the mark.
CACHED_FROM = 4096
_TAKEN = frozenset({"image", "image_url", "file", "file_url", "tools", "tool_choice", "schema", "stop", "is_error"})
_TAKEN |= {"effort", "thinking_budget", "cache_control", "citations", "title", "context"}
# Claude before 4.6 thinks within a budget of tokens; later models adapt, with an effort
# (docs/en/build-with-claude/adaptive-thinking).
_BUDGETED = re.compile(r"claude-(3|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-latest)?$)")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_000}
_EFFORTS = {"minimal": "low", "xhigh": "max"}
_LEAST_BUDGET = 1024
_COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"})
_ANSWERING = frozenset({"max_tokens", "stream"})
_ID = re.compile(r"[a-zA-Z0-9_-]+")  # a call's id that the API accepts


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """It supports every field of its own format, and of others those that can be translated."""
    del endpoint
    if name.startswith("anthropic_messages "):  # a block of its own
        return True
    if request.source == "anthropic_messages":
        return name not in ("audio", "audio_url")
    if not request.source and name in request.extra:
        return True
    return name in _TAKEN


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed message request: the body of a client of this format unchanged, else a translated one."""
    unchanged = conversation.unchanged_body(request, "anthropic_messages", _ID.fullmatch)
    body = {**(_body(request, endpoint) if unchanged is None else unchanged), "model": endpoint.model, "stream": True}
    if body.get("max_tokens") is None:
        body["max_tokens"] = MAX_TOKENS
    headers = {**_headers(endpoint), **(request.headers if request.source == "anthropic_messages" else {})}
    return Call(f"{endpoint.base_url}/v1/messages", body, headers)


def _body(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The translated body. Only clients of this format can set sampling parameters: newer models answer 400 to them."""
    own, request = request.source == "anthropic_messages", request.narrowed()
    known = partial(takes, request=request, endpoint=endpoint)
    supported = conversation.known(conversation.linked(request.messages), known)
    instructions, messages = _apart(list(map(blocks.marked, supported)), own=own)
    body: dict[str, Any] = {
        "max_tokens": MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        "messages": list(blocks.turns(messages)),
    }
    if system := _instructions(instructions, request):
        body["system"] = system
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if own:
        for name in ("temperature", "top_p"):
            if (value := getattr(request, name)) is not None:
                body[name] = value
    _think(body, request, endpoint.model)
    if form := _form(request, own=own):
        body["output_config"] = {**body.get("output_config", {}), "format": form}
    if tools := list(map(_tool, conversation.tools(request, known))):
        body["tools"] = tools
        if choice := _choice(request):
            body["tool_choice"] = choice
    _add(body, request.further(known))
    if own:
        body |= {name: value for name, value in request.unkeyed.items() if name != ATTRIBUTION}
    return body


def count(request: Request, endpoint: Endpoint) -> Call:
    """`POST /v1/messages/count_tokens`: only the fields of the prompt."""
    call = chat(request, endpoint)
    own = conversation.unchanged_body(request, "anthropic_messages", _ID.fullmatch) is not None
    kept = {name: value for name, value in call.json.items() if name in _COUNTED or (own and name not in _ANSWERING)}
    return replace(call, url=f"{call.url}/count_tokens", json=kept)


def read_count(body: Any) -> int | None:
    """`input_tokens`."""
    return reading.count(reading.mapping(body).get("input_tokens"))


def reader(request: Request) -> Reader:
    """A reader of one answer, which assembles the blocks that only this API has."""
    del request
    return Blocks()


def fault(status: int, body: Any) -> Fault:
    """`{"type": "error", "error": {type, message}}`, in a response and in a stream alike, with or without its type."""
    return faults.fault(status, body)


def models(endpoint: Endpoint) -> Call:
    """`GET /v1/models`."""
    return Call(f"{endpoint.base_url}/v1/models?limit=1000", None, _headers(endpoint), "GET")


def read_models(body: Any) -> list[str]:
    """`data[].id`."""
    return list(reading.names(reading.mappings(reading.mapping(body).get("data")), "id"))


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": endpoint.api_key} if endpoint.api_key else {})


def _add(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Add fields unchanged; an object is merged with ours of the same name."""
    for name, value in extra.items():
        ours = body.get(name) if isinstance(value, dict) else None
        reading.beside(body, {name: {**value, **ours} if isinstance(ours, dict) else value})


def _think(body: dict[str, Any], request: Request, model: str) -> None:
    """`thinking` and `output_config.effort`, for an effort or a budget that was given in another format.

    Clients of this format set both themselves, and `thinking` is passed on unchanged.
    """
    if request.source == "anthropic_messages":
        if request.effort not in ("", "none"):
            body["output_config"] = {"effort": request.effort}
        return
    by_hand = not request.source and "thinking" in request.extra
    if by_hand or not (request.effort or request.thinking_budget is not None):
        return
    if request.effort == "none" or request.thinking_budget == 0:
        body["thinking"] = {"type": "disabled"}
    elif _BUDGETED.match(model) or not request.effort:
        requested = request.thinking_budget or _BUDGETS.get(request.effort, _BUDGETS["medium"])
        if request.max_tokens is None:
            body["max_tokens"] = requested + MAX_TOKENS
        if (budget := min(requested, body["max_tokens"] - 1)) >= _LEAST_BUDGET:
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    else:
        body["thinking"] = {"type": "adaptive"}
        body["output_config"] = {"effort": _EFFORTS.get(request.effort, request.effort)}


def _apart(messages: Sequence[Message], *, own: bool) -> tuple[list[Text], list[Message]]:
    """The instructions, and the turns; in this format (`own`) a system message between turns stays there."""
    lead = next((n for n, message in enumerate(messages) if message.role != "system"), len(messages))
    head = messages[:lead] if own else messages
    return conversation.system(head), [each for each in messages[lead:] if own or each.role != "system"]


def _instructions(texts: list[Text], request: Request) -> str | list[dict[str, Any]]:
    """The system prompt; a long one is marked for the provider's own cache, unless the client uses this format."""
    if request.source == "anthropic_messages":
        system = [block for part in texts for block in blocks.blocks(part)]
        attribution = request.unkeyed.get(ATTRIBUTION)
        return [*([dict(attribution)] if attribution else []), *system]
    in_words = request.json_mode or (request.schema is not None and own_schemas.is_beyond(request.schema))
    words = [Text(schemas.in_words(request.schema))] if in_words else []
    if any(part.hints for part in texts):
        return [block for part in (*texts, *words) for block in blocks.blocks(part)]
    text = "\n\n".join(part.text for part in (*texts, *words))
    if len(text) < CACHED_FROM or "cache_control" in request.wishes:
        return text
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function as Claude's tool; one of its own kinds (`web_search_20250305`, …) unchanged."""
    if "function" not in tool:
        return dict(tool)
    more = {name: value for name, value in tool.items() if name not in ("type", "function")}
    return {**_function(reading.mapping(tool["function"])), **more}


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": function["description"]} if function.get("description") else {}
    parameters = reading.mapping(function.get("parameters"))
    schema = parameters if "type" in parameters else {"type": "object", **parameters}
    return {"name": function.get("name"), **described, "input_schema": schema}


def _form(request: Request, *, own: bool) -> dict[str, Any] | None:
    """The schema as the API accepts it; clients of this format have already written it so."""
    if request.schema is None or (not own and own_schemas.is_beyond(request.schema)):
        return None
    return {"type": "json_schema", "schema": dict(request.schema) if own else own_schemas.closed(request.schema)}


def _choice(request: Request) -> dict[str, Any]:
    """Which tools may be called, and how many at once; empty if the request sets neither."""
    choice = request.tool_choice
    one = {} if request.parallel_tool_calls is None or choice == "none" else {"disable_parallel_tool_use": True}
    if choice is None:
        return {"type": "auto", **one} if one else {}
    if isinstance(choice, str):
        return {"type": {"required": "any"}.get(choice, choice), **one}
    return {"type": "tool", "name": reading.mapping(choice.get("function")).get("name"), **one}
