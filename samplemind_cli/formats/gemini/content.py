"""Reads the contents of a Gemini request into messages."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.attached import decoded
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.parts import kind_of
from samplemind_cli.formats.types import Media, Message, Opaque, Part, Text, Thinking, ToolCall, ToolResult

ROLES = ("user", "model", "function", "tool", "")
# The field of a part that tells its kind.
DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_FILES = "://generativelanguage.googleapis.com/"
_CONTENT = frozenset({"role", "parts"})
_FILE = frozenset({"mimeType", "data", "fileUri", "displayName"})
_THOUGHT = frozenset({"text", "thought", "thoughtSignature"})
RESULT = frozenset({"id", "name", "response", "parts"})


def messages(fields: Fields) -> Iterator[Message]:
    """The turns of a request, its system instruction first; each tool result is a message. Raises BadRequestError."""
    instruction = fields.inner("systemInstruction")
    if system := tuple(_parts(instruction)):
        yield Message("system", system, hints=instruction.others(_CONTENT))
    for content in fields.items("contents"):
        hints = content.others(_CONTENT)
        model = content.one_of("role", ROLES, "") == "model"
        for answered, parts in groupby(_parts(content), lambda part: isinstance(part, ToolResult)):
            if answered:
                yield from (Message("tool", (part,), hints=hints) for part in parts)
            else:
                yield Message("assistant" if model else "user", parts, hints=hints)


def _parts(content: Fields) -> Iterator[Part]:
    for part in content.items("parts"):
        yield from _part(part)


def _part(part: Fields) -> Iterator[Part]:
    kind = next((name for name in DATA if part.raw.get(name) is not None), "")
    signature = part.get("thoughtSignature", str) or ""
    hints = {name: value for name, value in part.raw.items() if name != kind and value is not None}
    if kind == "text":
        yield from _text(part, signature, hints)
    elif kind in ("inlineData", "fileData"):
        holder = part.inner(kind)
        yield media(holder, hints | holder.others(_FILE, kind))
    elif kind == "functionCall":
        call, named = part.inner(kind), {name: value for name, value in hints.items() if name != "thoughtSignature"}
        named |= call.others(("id", "name", "args"), kind)
        arguments = reading.dumps(call.json_object("args"))
        yield ToolCall(call.need("name", str), arguments, call.get("id", str) or "", signature=signature, hints=named)
    elif kind == "functionResponse":
        yield _result(part.inner(kind), hints)
    elif hints:
        yield Opaque("gemini", hints)


def _text(part: Fields, signature: str, hints: dict[str, Any]) -> Iterator[Part]:
    words = part.need("text", str)
    if part.get("thought", bool) and part.others(_THOUGHT):
        yield Opaque("gemini", part.raw)
    elif part.get("thought", bool):
        yield Thinking(words, signature, "gemini")
    elif words:
        yield Text(words, {name: value for name, value in hints.items() if name != "thought"})
    elif signature:
        yield Thinking("", signature, "gemini", redacted=True)


def media(holder: Fields, hints: dict[str, Any]) -> Media:
    """A blob, or a file by its URL; a file of Google's own can be read by no other provider. Raises BadRequestError."""
    kind = holder.get("mimeType", str) or ""
    media_kind = kind_of(kind)
    name = holder.get("displayName", str) or ""
    if "fileUri" in holder.raw:
        address = holder.need("fileUri", str)
        google = not address.lower().startswith(("http://", "https://")) or _FILES in address
        url, file_id = ("", address) if google else (address, "")
        return Media(media_kind, kind, name=name, url=url, file_id=file_id, hints=hints)
    data = decoded(holder.need("data", str), holder, "data")
    return Media(media_kind, kind, data, name, hints=hints)


def _result(fields: Fields, hints: dict[str, Any]) -> ToolResult:
    given = fields.raw.get("response")
    response = {"result": given} if isinstance(given, str | list) else fields.get("response", dict) or {}
    text, alone = reading.dumps(response), response.get("result")
    if response.keys() == {"result"} and isinstance(alone, str) and not _is_json(alone):
        text = alone
    pictures = tuple(media(part.inner("inlineData"), {}) for part in fields.items("parts") if "inlineData" in part.raw)
    name, call_id = fields.get("name", str) or "", fields.get("id", str) or ""
    hints = hints | fields.others(RESULT)
    return ToolResult(call_id, (Text(text), *pictures), response.keys() == {"error"}, hints, name)


def _is_json(words: str) -> bool:
    """Whether a text is JSON, which the client would send as a value instead of text."""
    try:
        json.loads(words)
    except (ValueError, RecursionError):
        return False
    return True
