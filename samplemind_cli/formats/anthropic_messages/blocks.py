"""Writes a conversation for the Messages API: turns, and their parts as blocks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Media, Message, Opaque, Part, Role, Text, Thinking, ToolCall, ToolResult

_SPEAKERS: dict[Role, str] = {"assistant": "assistant", "system": "system"}


def turns(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The messages in turns of one speaker each; results of parallel calls come first, in one turn."""
    for speaker, turn in groupby(messages, lambda message: _SPEAKERS.get(message.role, "user")):
        spoken = list(turn)
        content = [block for message in spoken for part in message.parts for block in blocks(part)]
        if speaker == "user":
            content.sort(key=lambda block: block.get("type") != "tool_result")
        if content:
            yield {"role": speaker, "content": content} | {n: v for each in spoken for n, v in each.hints.items()}


def marked(message: Message) -> Message:
    """The message with its prompt cache mark moved to its last part; other formats put it beside the content."""
    mark, last = message.hints.get("cache_control"), message.parts[-1] if message.parts else None
    if mark is None or last is None or isinstance(last, Thinking | Opaque):
        return message
    hints = {name: value for name, value in message.hints.items() if name != "cache_control"}
    last = replace(last, hints={"cache_control": mark, **last.hints})
    return Message(message.role, (*message.parts[:-1], last), message.name, hints)


# Blocks that others are told as their words: under these names a text's hints hold the block itself.
TOLD_AS_WORDS = ("search_result", "compaction")


def blocks(part: Part) -> Iterator[dict[str, Any]]:
    """The block of a part; none if the API would refuse it."""
    match part:
        case Text() if own := next((name for name in TOLD_AS_WORDS if name in part.hints), ""):
            yield dict(reading.mapping(part.hints[own]))
        case Text() if part.text.strip():  # a blank block is an error
            yield {"type": "text", "text": part.text, **part.hints}
        case Media():
            yield reading.beside(_media(part), part.hints)
        case ToolCall():
            given = reading.given_arguments(part)
            yield {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": given, **part.hints}
        case ToolResult():
            yield _result(part)
        case Thinking(origin="anthropic_messages"):
            if part.redacted:
                yield {"type": "redacted_thinking", "data": part.signature}
            elif part.signature:  # without one it is refused
                yield {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case Opaque(origin="anthropic_messages"):
            yield dict(part.value)


def _result(result: ToolResult) -> dict[str, Any]:
    content = [block for inner in result.parts for block in blocks(inner)]
    one = len(result.parts) <= 1 and all(isinstance(inner, Text) and not inner.hints for inner in result.parts)
    failed = {"is_error": True} if result.failed else {}
    output = {"content": result.text if one else content} if content or not failed else {}
    return {"type": "tool_result", "tool_use_id": _id(result.call_id), **output, **failed, **result.hints}


def _media(part: Media) -> dict[str, Any]:
    kind = "image" if part.kind == "image" else "document"
    titled = {"title": part.name} if kind == "document" and part.name else {}
    return {"type": kind, "source": _source(part, kind), **titled}


def _source(part: Media, kind: str) -> Mapping[str, Any]:
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.url:
        return {"type": "url", "url": part.url}
    if kind == "document" and part.media_type.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": part.data.decode("utf-8", "replace")}
    return {"type": "base64", "media_type": part.media_type, "data": reading.encoded(part)}


def _id(call_id: str) -> str:
    """A call id with only the characters that Claude accepts."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id) or "_"
