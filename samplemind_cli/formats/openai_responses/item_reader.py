"""Reads one item of a provider's response: its pieces, and at its end only what no piece had."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.openai_responses.item_maker import ANNOTATION
from samplemind_cli.formats.openai_responses.tools import offered_name
from samplemind_cli.formats.types import Chunk, Opaque, ToolCall

CALLS = ("function_call", "custom_tool_call")
_OPENING, _CLOSING = '{"input":"', '"}'


@dataclass(slots=True)
class ItemReader:
    """One item. `texts`: those of its parts, by index; `arguments`: or a custom tool's input; `noted`: annotations.

    `named`: it has begun; `closed`: it has ended.
    """

    place: int
    texts: dict[int, str] = field(default_factory=dict)
    thought: str = ""
    arguments: str = ""
    noted: int = 0
    named: bool = False
    closed: bool = False

    def text(self, event: dict[str, Any]) -> Chunk:
        """A piece of a text."""
        piece, part = reading.piece(event.get("delta")), reading.count(event.get("content_index")) or 0
        self.texts[part] = self.texts.get(part, "") + piece
        return Chunk(piece, logprobs=_logprobs(event))

    def refusal(self, event: dict[str, Any]) -> Chunk:
        """A piece of a refusal."""
        piece = self.text(event).text
        return Chunk(piece, refusal=True, finish="refusal")

    def thinking(self, event: dict[str, Any]) -> Chunk:
        """A piece of thinking, or of its summary."""
        piece = reading.piece(event.get("delta"))
        self.thought += piece
        return Chunk(thinking=piece, thought_id=reading.text(event.get("item_id")))

    def part(self, event: dict[str, Any]) -> Chunk:
        """The next part of a summary."""
        return self.thinking({**event, "delta": "\n\n"}) if self.thought else Chunk()

    def argument(self, event: dict[str, Any]) -> Chunk:
        """A piece of a call's arguments."""
        piece = reading.piece(event.get("delta"))
        self.arguments += piece
        return self._piece(piece) if piece else Chunk()

    def input(self, event: dict[str, Any]) -> Chunk:
        """A piece of a custom tool's input, as a piece of the equivalent function's arguments."""
        piece = reading.piece(event.get("delta"))
        arguments = custom_piece(piece, first=not self.arguments)
        self.arguments += piece
        return self._piece(arguments) if piece else Chunk()

    def annotation(self, event: dict[str, Any]) -> Chunk:
        """An annotation of the text."""
        self.noted += 1
        return _annotation(event.get("annotation"))

    def called(self, item: dict[str, Any]) -> Chunk:
        """The beginning of a call; its arguments come in pieces."""
        self.named = True
        name = offered_name(reading.text(item.get("name")), reading.text(item.get("namespace")))
        return Chunk(tool_calls=(ToolCall(name, "", reading.identifier(item.get("call_id")), self.place),))

    def rest(self, item: dict[str, Any]) -> Iterator[tuple[Chunk, bool]]:
        """The chunks for what a whole item has and no piece had; and whether a piece should have had it."""
        if self.closed:
            return
        self.closed = True
        match item.get("type"):
            case "message":
                yield from self._message(item)
            case "reasoning":
                yield from self._reasoning(item)
            case "function_call" | "custom_tool_call":
                yield from self._call(item)
            case str():
                known = {name: value for name, value in item.items() if value is not None}
                yield Chunk(block=Opaque("openai_responses", known)), False

    def _message(self, item: dict[str, Any]) -> Iterator[tuple[Chunk, bool]]:
        content, notes = item.get("content"), list[Any]()
        parts = [{"text": content}] if isinstance(content, str) else reading.mappings(content)
        for n, part in enumerate(parts):
            refused = "refusal" in part
            text, known = reading.text(part.get("refusal" if refused else "text")), self.texts.get(n, "")
            if text.startswith(known) and (new := text[len(known) :]):
                end: Any = {"refusal": True, "finish": "refusal"} if refused else {"logprobs": _logprobs(part)}
                yield Chunk(new, **end), True
            notes += reading.mappings(part.get("annotations"))
        yield from ((_annotation(note), True) for note in notes[self.noted :])

    def _reasoning(self, item: dict[str, Any]) -> Iterator[tuple[Chunk, bool]]:
        known = reading.text(item.get("id"))
        summed = [reading.text(part.get("text")) for part in reading.mappings(item.get("summary"))]
        words = "\n\n".join(filter(None, summed)) or "".join(reading.content(item.get("content")))
        if words and not self.thought:
            yield Chunk(thinking=words, thought_id=known), True
        if sealed := reading.text(item.get("encrypted_content")):
            yield Chunk(signature=sealed, thought_id=known), False

    def _call(self, item: dict[str, Any]) -> Iterator[tuple[Chunk, bool]]:
        custom = item.get("type") == "custom_tool_call"
        if not self.named:
            yield self.called(item), True
        whole = reading.piece(item.get("input" if custom else "arguments"))
        new = whole[len(self.arguments) :] if whole.startswith(self.arguments) else ""
        arguments = custom_piece(new, first=not self.arguments) + _CLOSING if custom else new
        if arguments:
            yield self._piece(arguments), bool(new)

    def _piece(self, arguments: str) -> Chunk:
        return Chunk(tool_calls=(ToolCall(arguments=arguments, index=self.place),))


def custom_piece(words: str, *, first: bool) -> str:
    """A piece of a custom tool's input as a piece of the equivalent function's arguments."""
    return (_OPENING if first else "") + json.dumps(words, ensure_ascii=False)[1:-1]


def _annotation(value: Any) -> Chunk:
    known = isinstance(value, dict)
    return Chunk(block=Opaque("openai_responses", {"type": ANNOTATION, ANNOTATION: value})) if known else Chunk()


def _logprobs(holder: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The log probabilities with their bytes, which chat's clients expect and deltas lack."""
    tokens = reading.mappings(holder.get("logprobs"))
    tops = (map(_with_bytes, reading.mappings(token.get("top_logprobs"))) for token in tokens)
    return tuple(_with_bytes(token) | {"top_logprobs": list(top)} for token, top in zip(tokens, tops, strict=True))


def _with_bytes(token: dict[str, Any]) -> dict[str, Any]:
    return {"bytes": list(reading.text(token.get("token")).encode("utf-8", "replace")), **token}


# The events with pieces, the field of the piece, and its reader.
PIECES: dict[str, tuple[str, Callable[[ItemReader, dict[str, Any]], Chunk]]] = {
    "response.output_text.delta": ("delta", ItemReader.text),
    "response.refusal.delta": ("delta", ItemReader.refusal),
    "response.reasoning_summary_text.delta": ("delta", ItemReader.thinking),
    "response.reasoning_text.delta": ("delta", ItemReader.thinking),
    "response.reasoning_summary_part.added": ("part", ItemReader.part),
    "response.function_call_arguments.delta": ("delta", ItemReader.argument),
    "response.custom_tool_call_input.delta": ("delta", ItemReader.input),
    "response.output_text.annotation.added": ("annotation", ItemReader.annotation),
}
