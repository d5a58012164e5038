"""Reads the content of a turn of Anthropic's clients: blocks into parts."""

from collections.abc import Callable
from typing import Any

from samplemind_cli.formats import origins, reading
from samplemind_cli.formats.attached import decoded
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Media, MediaKind, Message, Opaque, Part, Text, Thinking, ToolCall, ToolResult

ROLES = ("user", "assistant", "system")
_TYPES = {"image": "image/png", "document": "application/pdf"}
_KINDS: dict[str, MediaKind] = {"image": "image", "document": "file"}
_BLOCKS: dict[str, set[str]] = {  # the fields of each kind that are translated; the others are hints
    "text": {"type", "text"},
    "image": {"type", "source"},
    "document": {"type", "source", "title"},
    "tool_use": {"type", "id", "name", "input"},
    "tool_result": {"type", "tool_use_id", "content", "is_error"},
}
_THOUGHT = frozenset({"type", "thinking", "signature", "data"})
_SOURCE = frozenset({"type", "media_type", "data", "url", "file_id", "content"})


def messages(fields: Fields) -> list[Message]:
    """The messages of a turn; tool results at its beginning are messages of their own. Raises BadRequestError."""
    role = fields.one_of("role", ROLES, "")
    parts = content(fields, "content")
    if not parts and fields.raw.get("content") is None:
        raise fields.wrong("content", "is required")
    hints = fields.others(("role", "content"))
    if role == "system":
        return [Message("system", parts, hints=hints)]
    if role == "assistant":
        return [Message("assistant", parts, hints=hints)]
    first = next((n for n, part in enumerate(parts) if not isinstance(part, ToolResult)), len(parts))
    results = [Message("tool", (part,), hints=hints) for part in parts[:first]]
    return [*results, Message("user", parts[first:], hints=hints)] if parts[first:] or not results else results


def content(fields: Fields, key: str) -> tuple[Part, ...]:
    """The parts of a text or of blocks. Raises BadRequestError."""
    given = fields.raw.get(key)
    if given is None or isinstance(given, str):
        return (Text(given),) if given else ()
    if not isinstance(given, list | dict):
        raise fields.wrong(key, "must be a string or a list of blocks")
    return tuple(map(_block, fields.parts(key)))


def _block(block: Fields) -> Part:
    kind = block.need("type", str)
    reader = _READERS.get(kind)
    part = reader(block) if reader else Opaque("anthropic_messages", block.raw)
    if isinstance(part, Thinking) and part.origin == "anthropic_messages" and block.others(_THOUGHT):
        return Opaque("anthropic_messages", block.raw)  # the signature covers the other fields, too
    return part


def _text(block: Fields) -> Text:
    return Text(block.need("text", str), _hints(block, "text"))


def _thinking(block: Fields) -> Thinking:
    words, signature = block.get("thinking", str) or "", block.get("signature", str) or ""
    return origins.unsealed(words, signature, "anthropic_messages")


def _redacted(block: Fields) -> Thinking:
    return origins.unsealed("", block.need("data", str), "anthropic_messages", redacted=True)


def _call(block: Fields) -> ToolCall:
    given = reading.dumps(block.json_object("input"))
    return ToolCall(block.need("name", str), given, block.need("id", str), hints=_hints(block, "tool_use"))


def _hints(block: Fields, kind: str) -> dict[str, Any]:
    return block.others(_BLOCKS[kind])


def _result(block: Fields) -> ToolResult:
    given = block.raw.get("content")
    if isinstance(given, dict) and "type" not in given:  # an object as it is
        block = block.instead({**block.raw, "content": reading.dumps(given)})
    parts = tuple(part for part in content(block, "content") if isinstance(part, Text | Media | Opaque))
    failed = block.get("is_error", bool) or False
    return ToolResult(block.need("tool_use_id", str), parts, failed, _hints(block, "tool_result"))


def _media(block: Fields) -> Part:
    """An image or a document, from any source; a block with an unknown source is kept unchanged."""
    kind = block.need("type", str)
    source = Fields(block.need("source", dict), block.name("source"))
    media_type = (source.get("media_type", str) or "").lower()
    name, hints = block.get("title", str) or "" if kind == "document" else "", _hints(block, kind)
    hints |= source.others(_SOURCE, "source")
    match source.need("type", str):
        case "base64":
            data = decoded(source.need("data", str), source, "data")
            return Media(_KINDS[kind], media_type or _TYPES[kind], data, name, hints=hints)
        case "url":
            url = source.need("url", str)
            if not url[:8].lower().startswith(("https://", "http://")):
                raise source.wrong("url", "must be an https:// URL")
            return Media(_KINDS[kind], media_type, name=name, url=url, hints=hints)
        case "file":
            return Media(_KINDS[kind], media_type, name=name, file_id=source.need("file_id", str), hints=hints)
        case "text":
            words = source.need("data", str).encode()
            return Media("file", media_type or "text/plain", words, name, hints=hints)
        case "content":
            words = _words(source, "content").encode()
            return Media("file", "text/plain", words, name, hints={**hints, "source": source.raw})
    return Opaque("anthropic_messages", block.raw)


def _search_result(block: Fields) -> Text:
    """A search result as text; Claude gets the block itself, for its citations."""
    texts = [block.get("title", str), block.get("source", str), _words(block, "content")]
    return Text("\n".join(filter(None, texts)), {"search_result": block.raw})


def _compaction(block: Fields) -> Part:
    """A summary in place of the conversation before it; Claude gets the block itself."""
    words = block.raw.get("content")
    if not isinstance(words, str) or not words:
        return Opaque("anthropic_messages", block.raw)
    return Text(words, {"compaction": block.raw})


def _words(fields: Fields, key: str) -> str:
    return "\n".join(part.text for part in content(fields, key) if isinstance(part, Text))


_READERS: dict[str, Callable[[Fields], Part]] = {
    "text": _text,
    "image": _media,
    "document": _media,
    "search_result": _search_result,
    "compaction": _compaction,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
    "tool_result": _result,
}
