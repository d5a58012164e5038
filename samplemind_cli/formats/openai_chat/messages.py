"""The messages of a chat completion, as OpenAI's clients send them and those of hosts that speak its format."""

from collections.abc import Iterator
from typing import Any, cast

from samplemind_cli.formats import reading
from samplemind_cli.formats.attached import media, sound
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_chat import customs
from samplemind_cli.formats.request import HOSTS_PARTS
from samplemind_cli.formats.types import (
    Media,
    MediaKind,
    Message,
    Opaque,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
URLS: dict[str, MediaKind] = {"image_url": "image", "audio_url": "audio", "video_url": "video"}
# Kinds of parts that only some hosts read as we do: those of responses, of Mistral, of vLLM.
_TEXTS = ("input_text", "output_text")
_THOUGHTS = ("thinking", "reasoning")
_OTHER_URLS: dict[str, tuple[str, MediaKind]] = {
    "input_image": ("image_url", "image"),
    "document_url": ("document_url", "file"),
}
OTHERS = (*_TEXTS, *_THOUGHTS, *_OTHER_URLS)
PARTS = ("text", "refusal", *URLS, "input_audio", "file", *HOSTS_PARTS)
# Fields beside a message's content or a part's that are translated.
_MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content"}
_MESSAGE |= {"audio", "annotations", "reasoning"}


def read(fields: Fields) -> Message:
    """One message. Raises BadRequestError."""
    role = fields.one_of("role", ROLES, "")
    if role in ("tool", "function"):
        parts = tuple(part for part in _result(fields) if isinstance(part, Text | Media))
        name = fields.need("name", str) if role == "function" else fields.get("name", str) or ""
        call_id = _identifier(fields, "tool_call_id")
        return Message("tool", (ToolResult(call_id, parts, name=name, hints=fields.others(_MESSAGE)),))
    said = (*_thinking(fields), *_content(fields), *_calls(fields)) if role == "assistant" else _content(fields)
    spoken = cast("Role", "system" if role == "developer" else role)
    return Message(spoken, said, fields.get("name", str) or "", fields.others(_MESSAGE))


def are_documented(messages: list[Fields]) -> bool:
    """Whether every host of this format reads these messages as we do."""
    return not any(_is_odd(message.raw) for message in messages)


def _is_odd(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if isinstance(content, dict) or (isinstance(content, list) and any(map(_is_bare, content))):
        return True
    return any(
        isinstance(reading.mapping(call.get("function")).get("arguments"), dict) or not isinstance(call.get("id"), str)
        for call in reading.mappings(message.get("tool_calls"))
    )


def _is_bare(part: Any) -> bool:
    """Whether a part has a form that only some hosts know: a text alone, a URL alone, another format's kind."""
    if not isinstance(part, dict):
        return True
    return part.get("type") in OTHERS or any(isinstance(part.get(kind), str) for kind in URLS)


def _thinking(fields: Fields) -> tuple[Part, ...]:
    words = fields.get("reasoning_content", str) or ""
    if not words and isinstance(fields.raw.get("reasoning"), str):
        words = fields.raw["reasoning"]
    return (Thinking(words, origin="openai_chat"),) if words else ()


def _result(fields: Fields) -> tuple[Part, ...]:
    """What a tool answered, also nothing, or an object as it is."""
    content = fields.raw.get("content")
    if isinstance(content, dict) and content.get("type") not in (*PARTS, *OTHERS):
        return (Text(reading.dumps(content)),)
    return () if content is None and "content" in fields.raw else _content(fields)


def _content(fields: Fields) -> tuple[Part, ...]:
    content = fields.raw.get("content")
    if content is None and fields.raw.get("role") == "assistant":  # it called tools
        refusal = fields.get("refusal", str)
        if fields.raw.get("audio"):
            raise fields.wrong("audio", "is not supported here", "unsupported_parameter")
        return (Text(refusal),) if refusal else ()
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list | dict):
        raise fields.wrong("content", "must be a string or a list of parts")
    return tuple(map(_part, fields.parts("content")))


def _part(part: Fields) -> Part:
    kind = part.one_of("type", PARTS if part.raw.get("type") not in OTHERS else OTHERS, "")
    hints = part.others({"type", kind, "text"})
    if kind in ("text", "refusal", *_TEXTS):
        return Text(part.need("refusal" if kind == "refusal" else "text", str), hints)
    if kind in HOSTS_PARTS:
        return Opaque("openai_chat", part.raw)
    if kind in _THOUGHTS:
        return Thinking("".join(reading.content([part.raw])), origin="openai_chat")
    if kind == "input_audio":
        return sound(part, hints | part.inner(kind).others(("format", "data"), kind))
    if kind == "file":
        holder = part.inner(kind)
        return _file(holder, hints | holder.others(("filename", "file_id", "file_data"), kind))
    key, family = _OTHER_URLS.get(kind) or (kind, URLS[kind])
    bare = isinstance(part.raw.get(key), str)
    holder = Fields({**part.raw, "url": part.raw[key]}, part.name(key)) if bare else part.inner(key)
    hints = part.others({"type", key, "detail"}) | (holder.others(("url", "detail"), key) if not bare else {})
    return media(holder, "url", family, detail=holder.get("detail", str) or "", hints=hints)


def _file(holder: Fields, hints: dict[str, Any]) -> Media:
    name = holder.get("filename", str) or ""
    if file_id := holder.get("file_id", str):
        return Media("file", name=name, file_id=file_id, hints=hints)
    return media(holder, "file_data", "file", name=name, hints=hints)


def _calls(fields: Fields) -> Iterator[ToolCall]:
    yield from map(_call, fields.items("tool_calls"))
    if fields.raw.get("function_call"):  # as it was before tools
        legacy = fields.inner("function_call")
        yield ToolCall(legacy.need("name", str), legacy.json_text("arguments") or "{}")


def _call(call: Fields) -> ToolCall:
    if call.one_of("type", ("function", customs.KIND), "function") == customs.KIND:
        return customs.call(call)
    function = call.inner("function")
    hints = call.others(("id", "type", "function", "index")) | function.others(("name", "arguments"), "function")
    call_id = _identifier(call, "id")
    return ToolCall(function.need("name", str), function.json_text("arguments"), call_id, hints=hints)


def _identifier(fields: Fields, key: str) -> str:
    """An id, which may be a number; empty where there is none."""
    value = fields.raw.get(key)
    return reading.identifier(value) if type(value) is int else fields.get(key, str) or ""
