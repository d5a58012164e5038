"""Writes a turn for providers of chat completions: each result of a tool is a message of its own."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.openai_chat import calls
from samplemind_cli.formats.request import HOSTS_PARTS
from samplemind_cli.formats.types import Media, Message, Opaque, Part, Text, Thinking, ToolCall, ToolResult

_AUDIO = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}


def written(message: Message, customs: Collection[str]) -> list[dict[str, Any]]:
    """The messages of a turn."""
    named = {"name": message.name} if message.name else {}
    sent: list[dict[str, Any]] = [
        {"role": "tool", "content": _result(result), "tool_call_id": result.call_id, **result.hints}
        for result in message.tool_results
    ]
    rest = tuple(part for part in message.parts if _is_sent(part))
    if message.role != "tool" and (rest or not message.parts):
        sent.append({"role": message.role, **_spoken(rest, customs), **named, **message.hints})
    return sent


def _is_sent(part: Part) -> bool:
    """Whether a message of this format has it: not the thinking and blocks of other formats."""
    if isinstance(part, Opaque):
        return part.origin == "openai_chat" and part.value.get("type") in HOSTS_PARTS
    return isinstance(part, Text | Media | ToolCall) or (isinstance(part, Thinking) and part.origin == "openai_chat")


def _result(result: ToolResult) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) and not part.hints for part in result.parts):
        return result.text
    return [_part(part) for part in result.parts if isinstance(part, Text | Media)]


def _spoken(parts: Sequence[Part], customs: Collection[str]) -> dict[str, Any]:
    content = [part for part in parts if isinstance(part, Text | Media | Opaque)]
    plain = all(isinstance(part, Text) and not part.hints for part in content)
    one = plain and len(content) <= 1
    body: dict[str, Any] = {"content": "".join(part.text for part in content if isinstance(part, Text))}
    if not one:
        body["content"] = [_part(part) for part in content]
    if thoughts := "".join(part.text for part in parts if isinstance(part, Thinking) and part.origin == "openai_chat"):
        body["reasoning_content"] = thoughts
    if made := [_call(part, customs) for part in parts if isinstance(part, ToolCall)]:
        body["content"] = body["content"] or None
        body["tool_calls"] = made
    return body


def _call(call: ToolCall, customs: Collection[str]) -> dict[str, Any]:
    plain = replace(call, arguments=call.arguments or "{}", signature="", hints={})
    return reading.beside(calls.written(plain, customs), call.hints)


def _part(part: Text | Media | Opaque) -> dict[str, Any]:
    if isinstance(part, Opaque):
        return dict(part.value)
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **part.hints}
    return reading.beside(_media(part), part.hints)


def _media(part: Media) -> dict[str, Any]:
    if part.kind == "audio" and not part.url:
        form = _AUDIO.get(part.media_type, part.media_type.removeprefix("audio/"))
        return {"type": "input_audio", "input_audio": {"data": reading.encoded(part), "format": form}}
    if part.kind == "file":
        named = {"filename": part.name} if part.name else {}
        where = {"file_id": part.file_id} if part.file_id else {"file_data": reading.data_url(part)}
        return {"type": "file", "file": {**named, **where}}
    detail = {"detail": part.detail} if part.detail else {}
    kind = f"{part.kind}_url"
    return {"type": kind, kind: {"url": reading.data_url(part), **detail}}
