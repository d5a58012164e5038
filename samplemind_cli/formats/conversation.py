"""A conversation as providers want it: calls with ids of their own, results that know their call, turns."""

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


def as_it_came(
    request: Request, own: Format, fits: Callable[[str], object] = lambda _: True
) -> Mapping[str, Any] | None:
    """The body that a client of the provider's `own` format sent; None where the request must be told anew.

    That is one in another format, and one that holds what another provider wrote, which the own one would refuse: a
    thought with that one's proof, calls with an id that was there before or that `fits` does not take.
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
    """The messages with every call's id given and unique, and every result named after the nearest call before it.

    Clients repeat ids from turn to turn (`call_0`), and leave them out; a result without one answers the first call
    that has none yet.
    """
    used: set[str] = set()
    latest: dict[str, ToolCall] = {}  # by the id that its client gave it
    waiting: list[tuple[str, ToolCall]] = []  # calls of the last turn that no result has answered, with that id
    found = []
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
        found.append(replace(message, parts=tuple(parts)))
    return found


def known(messages: Sequence[Message], takes: Callable[[str], bool]) -> list[Message]:
    """The messages with only those hints that a provider takes: the others would be errors there."""

    def kept(hints: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in hints.items() if takes(name)}

    def part(found: Part) -> Part:
        if isinstance(found, ToolResult):
            inner = (each for each in map(part, found.parts) if isinstance(each, Text | Media | Opaque))
            found = replace(found, parts=tuple(inner))
        if isinstance(found, Thinking | Opaque) or not found.hints:
            return found
        return replace(found, hints=kept(found.hints))

    return [Message(each.role, map(part, each.parts), each.name, kept(each.hints)) for each in messages]


def tools(request: Request, takes: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """The functions with only those of their fields that a provider takes, and other formats' own tools if it does."""
    for tool in request.tools:
        if "function" in tool:
            yield {name: value for name, value in tool.items() if name in ("type", "function") or takes(name)}
        elif takes(request.own_tool(tool)):
            yield dict(tool)


def _answered(result: ToolResult, waiting: Sequence[tuple[str, ToolCall]]) -> ToolCall | None:
    """The first call that waits for this result: by its id, or, where it has none, by its name, else by its place."""
    if result.call_id:
        return next((call for given, call in waiting if given == result.call_id), None)
    return next((call for _, call in waiting if result.name in ("", call.name)), None)


def _unique(name: str, used: set[str]) -> str:
    """The id itself where it is new, else with a number behind it."""
    found, number = name or "call", 1
    while found in used:
        number += 1
        found = f"{name or 'call'}_{number}"
    used.add(found)
    return found


def system(messages: Sequence[Message]) -> list[Text]:
    """The words of the system messages that are more than white space, for formats that keep them apart."""
    parts = (part for message in messages if message.role == "system" for part in message.parts)
    return [part for part in parts if isinstance(part, Text) and part.text.strip()]


def turns(messages: Sequence[Message]) -> Iterator[tuple[bool, list[Message]]]:
    """The conversation without its system messages, in turns that alternate: whether the model speaks, and what."""
    spoken = (message for message in messages if message.role != "system")
    for model, turn in groupby(spoken, lambda message: message.role == "assistant"):
        yield model, list(turn)
