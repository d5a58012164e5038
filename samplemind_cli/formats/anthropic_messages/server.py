"""Reads the message requests of Anthropic's clients."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import jsonschema, tool_choice
from samplemind_cli.formats.anthropic_messages import offered, tokens
from samplemind_cli.formats.anthropic_messages.answers import Events, error, message
from samplemind_cli.formats.anthropic_messages.content import content, messages
from samplemind_cli.formats.anthropic_messages.fields import (
    ATTRIBUTION,
    IGNORED,
    NEUTRAL,
    NO_THREADS,
    REFUSED,
    TRANSLATED,
)
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import EFFORTS, Answer, Message, Part, Request, Text

__all__ = ["count_tokens", "error", "events", "read", "streams", "whole"]

CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_TOOL = {"type", "name", "description", "input_schema"}


def read(fields: Fields) -> Request:
    """The request in a body. Raises BadRequestError."""
    for name in REFUSED:
        if fields.raw.get(name) is not None:
            why = "is not supported here: the conversation must be in the request"
            raise fields.wrong(name, why, NO_THREADS)
    turns = fields.items("messages")
    if not turns:
        raise fields.wrong("messages", "must contain at least one message")
    system, attribution = _system(fields)
    offer = offered.tools(fields, turns)
    tools = tuple(map(_tool, offer))
    choice, one = _choice(fields, offer)
    effort, budget = _thinking(fields)
    top_p = fields.number("top_p", 0, 1)
    return Request(
        messages=(*system, *(message for turn in turns for message in messages(turn))),
        temperature=fields.number("temperature", 0, 1),
        max_tokens=_cap(fields),
        schema=_schema(fields),
        tools=tools,
        tool_choice=choice if tools else None,
        top_p=None if top_p == 1 else top_p,
        stop=_stops(fields),
        parallel_tool_calls=False if one and tools else None,
        effort=effort,
        thinking_budget=budget,
        extra={**_extra(fields), **_config(fields, effort), **_inside(fields)},
        unkeyed={name: fields.raw[name] for name in IGNORED if fields.raw.get(name) is not None} | attribution,
        source="anthropic_messages",
        body=fields.raw,
    )


def streams(fields: Fields) -> bool:
    """Whether the answer must be streamed."""
    return fields.get("stream", bool) or False


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A message object; its id contains `number`."""
    return message(answer, number, lambda: tokens.of_prompt(fields.raw))


def events(number: str, model: str, fields: Fields) -> Events:
    """The writer of a streamed message; `model` is the requested one, until a chunk names its route."""
    return Events(number, model, lambda: tokens.of_prompt(fields.raw))


def count_tokens(fields: Fields) -> int:
    """The estimated tokens of a prompt whose provider does not count them; `max_tokens` may be missing.

    A token is about four ASCII characters, three in JSON (tools, arguments), and one character of any other script;
    an image is 1600 tokens at most, a page of a PDF about 2000; a turn or tool costs a few more. Raises
    BadRequestError.
    """
    read(fields)
    return tokens.of_prompt(fields.raw)


def _cap(fields: Fields) -> int | None:
    """`max_tokens`. Only Claude accepts 0, to warm its prompt cache, which is not supported here."""
    if type(fields.raw.get("max_tokens")) is int and fields.raw["max_tokens"] == 0:
        why = "of 0 warms Claude's prompt cache and gives no answer and is not supported here: it must be at least 1"
        raise fields.wrong("max_tokens", why, "unsupported_parameter")
    return fields.whole("max_tokens")


def _extra(fields: Fields) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.raw.items()
        if name not in TRANSLATED | IGNORED and value is not None and value not in NEUTRAL.get(name, ())
    }


def _system(fields: Fields) -> tuple[list[Message], dict[str, Any]]:
    """The instructions, and separately the attribution block that Claude Code puts before them."""
    parts: tuple[Part, ...] = content(fields, "system")
    first = parts[0] if parts else None
    if not isinstance(first, Text) or not first.text.startswith(f"{ATTRIBUTION}:"):
        return ([Message("system", parts)] if parts else []), {}
    line, _, rest = first.text.partition("\n")
    block = {"type": "text", "text": line, **({} if rest else first.hints)}
    parts = (*((Text(rest, first.hints),) if rest.strip() else ()), *parts[1:])
    return ([Message("system", parts)] if parts else []), {ATTRIBUTION: block}


def _stops(fields: Fields) -> tuple[str, ...]:
    given = fields.get("stop_sequences", list) or []
    if not all(isinstance(text, str) and text for text in given):
        raise fields.wrong("stop_sequences", "must be a list of non-empty strings")
    return tuple(given)


def _tool(fields: Fields) -> dict[str, Any]:
    """The client's tool as a function; one of Anthropic's own (`web_search_20250305`, …) unchanged."""
    if fields.get("type", str) not in (None, "custom", "function") or "function" in fields.raw:
        return dict(fields.raw)
    function: dict[str, Any] = {"name": fields.need("name", str)}
    if description := fields.get("description", str):
        function["description"] = description
    if (schema := fields.get("input_schema", dict)) is not None:
        function["parameters"] = schema
    return {"type": "function", "function": function, **fields.others(_TOOL)}


def _choice(fields: Fields, offer: Sequence[Fields]) -> tuple[str | dict[str, Any] | None, bool]:
    """Which tools may be called, and whether at most one."""
    holder = fields.inner("tool_choice")
    if not holder.raw:
        return None, False
    kind = holder.one_of("type", (*CHOICES, "tool"), "")
    one = holder.get("disable_parallel_tool_use", bool) or False
    if kind == "any" and not offer:
        raise fields.wrong("tool_choice", "asks for a call, and there are no tools")
    if kind != "tool":
        return CHOICES[kind], one
    name = holder.need("name", str)
    if name not in [tool.raw.get("name") for tool in offer]:
        raise holder.wrong("name", f"is {name!r}, which is not one of the tools")
    return tool_choice.named(name), one


def _thinking(fields: Fields) -> tuple[str, int | None]:
    """How much the model may think: an effort, or a budget of tokens."""
    thinking = fields.inner("thinking")
    effort = fields.inner("output_config").get("effort", str)
    match thinking.get("type", str):
        case "disabled":
            return "none", None
        case "enabled":
            return _known(effort), thinking.whole("budget_tokens")
    return _known(effort), None


def _known(effort: str | None) -> str:
    return effort if effort in EFFORTS else ""


def _config(fields: Fields, effort: str) -> dict[str, Any]:
    """The rest of `output_config` that is not translated, such as an unknown effort."""
    config = fields.inner("output_config").raw
    rest = {name: value for name, value in config.items() if name != "format" and value is not None}
    if rest.get("effort") == effort:
        del rest["effort"]
    return {"output_config": rest} if rest else {}


def _inside(fields: Fields) -> dict[str, Any]:
    """Unknown fields inside translated objects."""
    choice, form = fields.inner("tool_choice"), fields.inner("output_config").inner("format")
    known = ("type", "name", "disable_parallel_tool_use")
    return choice.others(known, "tool_choice") | form.others(("type", "schema"), "output_config.format")


def _schema(fields: Fields) -> dict[str, Any] | None:
    """The JSON Schema in `output_config.format`, or in the `output_format` of betas."""
    config = fields.inner("output_config")
    holder = config.inner("format") if config.raw.get("format") is not None else fields.inner("output_format")
    if not holder.raw:
        return None
    holder.one_of("type", ("json_schema",), "")
    return jsonschema.checked(holder.need("schema", dict), holder, "schema")
