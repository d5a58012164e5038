"""Prepares a conversation for providers: unique ids of calls, results linked to their calls, alternating turns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from samplemind_cli.formats.types import (
    Format,
    Media,
    Message,
    Opaque,
    Part,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def unchanged_body(
    request: Request, own: Format, fits: Callable[[str], object] = lambda _: True
) -> Mapping[str, Any] | None:
    """The client's body, if it can be passed on unchanged to a provider of its `own` format; else None.

    It cannot if it is in another format, or holds what this provider would refuse: thinking with another provider's
    signature, or calls with a repeated id or one that `fits` rejects.
    """
    if request.body is None or request.source != own:
        return None
    used: set[str] = set()
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Thinking) and part.origin != own:
                return None
            if isinstance(part, ToolCall) and part.id:
                if part.id in used or not fits(part.id):
                    return None
                used.add(part.id)
    return request.body


def linked(messages: Sequence[Message]) -> list[Message]:
    """The messages with a unique id for every call, and every result linked to the nearest call before it.

    Clients repeat ids from turn to turn (`call_0`), or leave them out; a result without one answers the first call
    that has no result yet.
    """
    used: set[str] = set()
    latest: dict[str, ToolCall] = {}  # by the client's id
    waiting: list[tuple[str, ToolCall]] = []  # calls of the last turn without a result, with the client's id
    result = []
    for message in messages:
        if message.tool_calls:
            waiting = []
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                call = replace(part, id=_unique(part.id or part.name, used))
                latest[part.id] = call
                waiting.append((part.id, call))
                parts.append(call)
            elif isinstance(part, ToolResult):
                answered = _answered(part, waiting) or (latest.get(part.call_id) if part.call_id else None)
                waiting = [pair for pair in waiting if pair[1] is not answered]
                name = part.name or (answered.name if answered else part.call_id)
                parts.append(replace(part, call_id=answered.id if answered else part.call_id, name=name))
            else:
                parts.append(part)
        result.append(replace(message, parts=tuple(parts)))
    return result


def known(messages: Sequence[Message], takes: Callable[[str], bool]) -> list[Message]:
    """The messages with only the hints that a provider supports: it would refuse the others."""

    def kept(hints: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in hints.items() if takes(name)}

    def part(whole: Part) -> Part:
        if isinstance(whole, ToolResult):
            inner = (each for each in map(part, whole.parts) if isinstance(each, Text | Media | Opaque))
            whole = replace(whole, parts=tuple(inner))
        if isinstance(whole, Thinking | Opaque) or not whole.hints:
            return whole
        return replace(whole, hints=kept(whole.hints))

    return [Message(each.role, map(part, each.parts), each.name, kept(each.hints)) for each in messages]


def tools(request: Request, takes: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """The functions with only the fields that a provider supports, and other formats' own tools if it supports them."""
    for tool in request.tools:
        if "function" in tool:
            yield {name: value for name, value in tool.items() if name in ("type", "function") or takes(name)}
        elif takes(request.own_tool(tool)):
            yield dict(tool)


def _answered(result: ToolResult, waiting: Sequence[tuple[str, ToolCall]]) -> ToolCall | None:
    """The first waiting call for this result: by id; without one by name, else by position."""
    if result.call_id:
        return next((call for given, call in waiting if given == result.call_id), None)
    return next((call for _, call in waiting if result.name in ("", call.name)), None)


def _unique(name: str, used: set[str]) -> str:
    """The id if it is new, else with a number appended."""
    unique, number = name or "call", 1
    while unique in used:
        number += 1
        unique = f"{name or 'call'}_{number}"
    used.add(unique)
    return unique


def system(messages: Sequence[Message]) -> list[Text]:
    """The non-blank texts of the system messages, for formats with a separate field for them."""
    parts = (part for message in messages if message.role == "system" for part in message.parts)
    return [part for part in parts if isinstance(part, Text) and part.text.strip()]


def turns(messages: Sequence[Message]) -> Iterator[tuple[bool, list[Message]]]:
    """The conversation without system messages in alternating turns: whether it is the model's, and its messages."""
    spoken = (message for message in messages if message.role != "system")
    for model, turn in groupby(spoken, lambda message: message.role == "assistant"):
        yield model, list(turn)
