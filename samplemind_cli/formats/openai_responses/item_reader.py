"""Reads one item of a provider's response: its pieces, and at its end only what no piece had."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.openai_responses.item_maker import ANNOTATION
from samplemind_cli.formats.openai_responses.tools import offered_name
from samplemind_cli.formats.types import Chunk, Opaque, ToolCall

CALLS = ("function_call", "custom_tool_call")


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
        arguments = custom_tools.piece(piece, first=not self.arguments)
        self.arguments += piece
        return self._piece(arguments) if piece else Chunk()

    def missed(self, event: dict[str, Any], name: str, heard: str, read: "Read") -> Chunk:
        """What a whole has and no piece had; `name` is the field that holds it."""
        whole = reading.piece(event.get(name))
        new = whole[len(heard) :] if whole.startswith(heard) else ""
        return replace(read(self, {**event, "delta": new}), late=True) if new else Chunk()

    def whole_text(self, event: dict[str, Any]) -> Chunk:
        """All of a text."""
        return self.missed(
            event, "text", self.texts.get(reading.count(event.get("content_index")) or 0, ""), ItemReader.text
        )

    def whole_thought(self, event: dict[str, Any]) -> Chunk:
        """All of a thought, or of a part of its summary."""
        return Chunk() if self.thought else self.missed(event, "text", "", ItemReader.thinking)

    def whole_arguments(self, event: dict[str, Any]) -> Chunk:
        """All of a call's arguments."""
        return self.missed(event, "arguments", self.arguments, ItemReader.argument)

    def whole_input(self, event: dict[str, Any]) -> Chunk:
        """All of a custom tool's input."""
        return self.missed(event, "input", self.arguments, ItemReader.input)

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
        told = custom_tools.piece(new, first=not self.arguments) + custom_tools.CLOSING if custom else new
        if told:
            yield self._piece(told), bool(new)

    def _piece(self, arguments: str) -> Chunk:
        return Chunk(tool_calls=(ToolCall(arguments=arguments, index=self.place),))


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
Read = Callable[[ItemReader, dict[str, Any]], Chunk]
PIECES: dict[str, tuple[str, Read]] = {
    "response.output_text.delta": ("delta", ItemReader.text),
    "response.refusal.delta": ("delta", ItemReader.refusal),
    "response.reasoning_summary_text.delta": ("delta", ItemReader.thinking),
    "response.reasoning_text.delta": ("delta", ItemReader.thinking),
    "response.reasoning.delta": ("delta", ItemReader.thinking),  # as it was called at first
    "response.reasoning_summary_part.added": ("part", ItemReader.part),
    "response.function_call_arguments.delta": ("delta", ItemReader.argument),
    "response.custom_tool_call_input.delta": ("delta", ItemReader.input),
    "response.output_text.annotation.added": ("annotation", ItemReader.annotation),
}
# The events that say all of what pieces should have said before.
WHOLES: dict[str, Read] = {
    "response.output_text.done": ItemReader.whole_text,
    "response.reasoning_summary_text.done": ItemReader.whole_thought,
    "response.reasoning_text.done": ItemReader.whole_thought,
    "response.function_call_arguments.done": ItemReader.whole_arguments,
    "response.custom_tool_call_input.done": ItemReader.whole_input,
}
