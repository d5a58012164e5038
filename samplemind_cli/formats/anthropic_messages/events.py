"""Reads the responses of Anthropic's Messages API: events, or a whole message."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import faults, reading
from samplemind_cli.formats.types import Chunk, Opaque, Thinking, ToolCall, Usage


def read(event: Any) -> Chunk:
    """One event, by its `type`, or the whole message (`"type": "message"`)."""
    body = reading.mapping(event)
    reader = _READERS.get(reading.text(body.get("type")))
    if reader:
        return reader(body)
    if faults.is_error_event(event):
        return Chunk(fault=faults.fault(200, event))
    return _whole(body) if isinstance(body.get("content"), list | str) else Chunk()


def readable(event: Any) -> bool:
    """Whether it is a documented event, and the first one has counted the prompt's tokens."""
    body = reading.mapping(event)
    match body.get("type"):
        case "message_start":
            message = reading.mapping(body.get("message"))
            return not message.get("content") and bool(reading.count(reading.mapping(message.get("usage")).get(_INPUT)))
        case "content_block_start":
            block = reading.mapping(body.get("content_block"))
            return reading.count(body.get("index")) is not None and _is_begun(block)
        case "content_block_delta":
            delta = reading.mapping(body.get("delta"))
            field = _DELTAS.get(reading.text(delta.get("type")))
            return reading.count(body.get("index")) is not None and (not field or isinstance(delta.get(field), str))
        case "message_delta":
            return isinstance(body.get("delta"), dict) and isinstance(body.get("usage"), dict)
    return isinstance(body.get("type"), str)


def _is_begun(block: dict[str, Any]) -> bool:
    """Whether it is the documented beginning of a block: some clients read a call's input only from its pieces."""
    if block.get("type") == "tool_use":
        return all(isinstance(block.get(name), str) and block[name] for name in ("id", "name")) and not block.get(
            "input"
        )
    return isinstance(block.get("type"), str)


class Blocks:
    """Reads one answer like `read`, but assembles blocks that only this API has, citations included.

    A call of a server's own tool (`server_tool_use`) comes in pieces, too, and is not a tool call.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[dict[str, Any], list[str]]] = {}
        self._ended = False

    def __call__(self, event: Any) -> Chunk:
        """What one event adds."""
        body = reading.mapping(event)
        index = _index(body)
        match body.get("type"):
            case "content_block_start":
                block = reading.mapping(body.get("content_block"))
                if isinstance(block.get("type"), str) and block["type"] not in _KNOWN:
                    self._open[index] = (dict(block), [])
                    return Chunk()
            case "content_block_delta" if index in self._open:
                self._add(index, reading.mapping(body.get("delta")))
                return Chunk()
            case "content_block_stop" if index in self._open:
                block, pieces = self._open.pop(index)
                given = reading.parsed("".join(pieces))
                whole = {**block, "input": given} if isinstance(given, dict) else block
                return Chunk(block=Opaque("anthropic_messages", whole))
            case "message_stop" if not self._ended:  # there was no stop reason
                return Chunk(finish="unknown")
        chunk = read(event)
        self._ended = self._ended or chunk.finish is not None
        return chunk

    def _add(self, index: int, delta: dict[str, Any]) -> None:
        """Add a delta: input comes as JSON text; other deltas (`compaction_delta`) set fields."""
        block, pieces = self._open[index]
        if delta.get("type") == "input_json_delta":
            pieces.append(reading.piece(delta.get("partial_json")))
        else:
            block.update({name: value for name, value in delta.items() if name != "type"})


def _begun(event: dict[str, Any]) -> Chunk:
    """The head of a message; some proxies put its content there, too."""
    message = reading.mapping(event.get("message"))
    if message.get("content"):
        whole = _whole(message)
        pieces = tuple(replace(piece, finish=None) for piece in whole.pieces)
        return replace(whole, finish=None, whole=False, pieces=pieces)
    return Chunk(usage=_usage(message), model=reading.text(message.get("model")))


def _whole(message: dict[str, Any]) -> Chunk:
    content = message.get("content")
    given = content if isinstance(content, list) else [content]
    every = ({"type": "text", "text": one} if isinstance(one, str) else one for one in given)
    blocks = [block for one in every for block in reading.mappings(one)]
    chunks = [chunk for block in blocks for chunk in (_block(block), *_citations(block))]
    end = Chunk(
        finish=reading.finish(message.get("stop_reason")) or "unknown",
        usage=_usage(message),
        model=reading.text(message.get("model")),
        stop_sequence=reading.text(message.get("stop_sequence")),
    )
    return replace(
        end,
        text="".join(chunk.text for chunk in chunks),
        thinking="".join(chunk.thinking for chunk in chunks),
        signature=next((chunk.signature for chunk in chunks if chunk.signature), ""),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        whole=True,
        pieces=(*chunks, end),
    )


def _citations(block: dict[str, Any]) -> list[Chunk]:
    """The citations of a whole text, as in a stream."""
    if block.get("type") != "text":
        return []
    cited = reading.mappings(block.get("citations"))
    return [Chunk(block=Opaque("anthropic_messages", {"type": "citations_delta", "citation": one})) for one in cited]


def _opened(block: dict[str, Any], index: int) -> Chunk:
    """The beginning of a block; some providers send a whole text in it, with its citations."""
    found, cited = _block(block, index), _citations(block)
    return replace(found, pieces=(found, *cited)) if cited else found


def _block(block: dict[str, Any], index: int | None = None) -> Chunk:
    """A whole block, or, with an index, the beginning of one, whose input follows in pieces or is already here."""
    match block.get("type") or next((kind for field, kind in _FIELDS.items() if field in block), None):
        case "text":
            return Chunk(text="".join(reading.content(block.get("text"))))
        case "thinking":
            return Chunk(thinking=reading.text(block.get("thinking")), signature=reading.text(block.get("signature")))
        case "redacted_thinking":
            data = reading.text(block.get("data"))
            return Chunk(block=Thinking(signature=data, origin="anthropic_messages", redacted=True))
        case "tool_use":
            return Chunk(tool_calls=(_call(block, index),))
        case _ if index is None:
            return Chunk(block=Opaque("anthropic_messages", block))
    return Chunk()


def _call(block: dict[str, Any], index: int | None) -> ToolCall:
    name, call_id = reading.text(block.get("name")), reading.identifier(block.get("id"))
    given = reading.arguments(block.get("input"))
    hints = {"caller": block["caller"]} if isinstance(block.get("caller"), dict) else {}
    if index is None:
        return ToolCall(name, given, call_id, hints=hints)
    return ToolCall(name, "", call_id, index, default=given, hints=hints)


def _delta(event: dict[str, Any]) -> Chunk:
    delta = reading.mapping(event.get("delta"))
    match delta.get("type") or next((kind for kind, name in _DELTAS.items() if name in delta), ""):
        case "text_delta":
            return Chunk(text="".join(reading.content(delta.get("text"))))
        case "thinking_delta":
            return Chunk(thinking=reading.text(delta.get("thinking")))
        case "signature_delta":
            return Chunk(signature=reading.text(delta.get("signature")))
        case "input_json_delta":
            piece = ToolCall(arguments=reading.piece(delta.get("partial_json")), index=_index(event))
            return Chunk(tool_calls=(piece,))
        case "citations_delta":
            return Chunk(block=Opaque("anthropic_messages", delta))
    return Chunk()


def _index(event: dict[str, Any]) -> int:
    return reading.count(event.get("index")) or 0


def _last(event: dict[str, Any]) -> Chunk:
    delta = reading.mapping(event.get("delta"))
    stop = reading.text(delta.get("stop_sequence"))
    return Chunk(finish=reading.finish(delta.get("stop_reason")), usage=_usage(event), stop_sequence=stop)


def _usage(message: dict[str, Any]) -> Usage | None:
    """The usage. `input_tokens` excludes what was read from the prompt cache or written to it."""
    usage = reading.mapping(message.get("usage"))
    written, cached = (reading.count(usage.get(f"cache_{done}_input_tokens")) for done in ("creation", "read"))
    fresh = reading.count(usage.get("input_tokens"))
    return reading.counted(
        Usage(
            input_tokens=None if fresh is None else reading.total(fresh, written, cached),
            output_tokens=reading.count(usage.get("output_tokens")),
            cached_tokens=cached,
            reasoning_tokens=reading.count(reading.mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
            cache_write_tokens=written,
        )
    )


_INPUT = "input_tokens"
_DELTAS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}
_FIELDS = {"text": "text", "thinking": "thinking", "input": "tool_use"}  # they identify a block without a type
_KNOWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_READERS: dict[str, Callable[[dict[str, Any]], Chunk]] = {
    "message": _whole,
    "message_start": _begun,
    "content_block_start": lambda event: _opened(reading.mapping(event.get("content_block")), _index(event)),
    "content_block_delta": _delta,
    "content_block_stop": lambda _: Chunk(),
    "message_delta": _last,
    "message_stop": lambda _: Chunk(),
    "ping": lambda _: Chunk(),
}
