"""Writes the content blocks of a streamed message one after the other, whatever the order of their pieces."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.formats import origins, reading
from samplemind_cli.formats.types import Chunk, Format, Opaque, Part, Text, Thinking, ToolCall


@dataclass(slots=True)
class Block:
    """A block and its unwritten deltas. `closed`: nothing more comes; `place`: the index of its call."""

    start: dict[str, Any]
    deltas: list[dict[str, Any]] = field(default_factory=list)
    place: int | None = None
    arguments: str = ""
    begun: bool = False
    closed: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is complete."""
        return self.closed or (self.arguments.rstrip()[-1:] == "}" and reading.is_object(self.arguments))


class BlockWriter:
    """Turns chunks into the events of a message's blocks.

    A block begins once the one before it is complete; until then its pieces wait. `origin` is the provider's format;
    `index` is the next block's, and `open` the block that has begun there.
    """

    def __init__(self, origin: Format, index: int = 0, open: "Block | None" = None) -> None:  # noqa: A002 - it is
        self._origin = origin
        self._waiting: deque[Block] = deque([open] if open else ())
        self._index = index

    @property
    def nothing(self) -> bool:
        """Whether nothing was written yet."""
        return not self._waiting and not self._index

    def say(self, chunk: Chunk) -> None:
        """Add the content of a chunk."""
        if chunk.thinking:
            self._delta("thinking", {"type": "thinking_delta", "thinking": chunk.thinking})
        if chunk.signature:
            self._sign(Thinking(signature=chunk.signature, origin=self._origin, id=chunk.thought_id))
        if chunk.block:
            self.part(chunk.block)
        if chunk.text:
            self._delta("text", {"type": "text_delta", "text": chunk.text})
        for piece in chunk.tool_calls:
            self._call(piece, piece.index or 0)

    def part(self, part: Part, place: int = 0) -> None:
        """Add a whole part of an answer; `place` is a call's index."""
        match part:
            case Text() if part.text:
                self._delta("text", {"type": "text_delta", "text": part.text})
            case Thinking(redacted=True):
                self._append(Block({"type": "redacted_thinking", "data": proof(part)}, closed=True))
            case Thinking():
                if part.text:
                    self._delta("thinking", {"type": "thinking_delta", "thinking": part.text})
                if part.signature or part.text:
                    self._sign(part)
            case ToolCall():
                self._call(part, place)
            case Opaque(origin="anthropic_messages"):
                self._opaque(dict(part.value))

    def events(self, *, last: bool = False) -> Iterator[dict[str, Any]]:
        """The events that can be written now; with `last`, all of them."""
        if last:
            self._close()
        while self._waiting:
            block, index = self._waiting[0], self._index
            if not block.begun:
                block.begun = True
                yield {"type": "content_block_start", "index": index, "content_block": block.start}
            for delta in block.deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            block.deltas.clear()
            if not (last or (block.closed if len(self._waiting) == 1 else block.whole)):
                return
            yield {"type": "content_block_stop", "index": index}
            self._waiting.popleft()
            self._index += 1

    def _delta(self, kind: str, delta: dict[str, Any]) -> None:
        """Add to the open text or thinking, or begin a new one."""
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.closed or last.start["type"] != kind:
            last = Block({"type": "text", "text": ""} if kind == "text" else {"type": kind, kind: "", "signature": ""})
            self._append(last)
        last.deltas.append(delta)

    def _sign(self, thought: Thinking) -> None:
        self._delta("thinking", {"type": "signature_delta", "signature": proof(thought)})
        self._waiting[-1].closed = True

    def _opaque(self, value: dict[str, Any]) -> None:
        if value.get("type") == "citations_delta":  # of the text before it
            self._delta("text", value)
        else:
            self._append(Block(value, closed=True))

    def _call(self, piece: ToolCall, place: int) -> None:
        block = next((block for block in self._waiting if block.place == place), None)
        if block is None:
            if not piece.name:  # a piece after complete arguments is dropped
                return
            start = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}, **piece.hints}
            self._append(block := Block(start, place=place))
        if piece.arguments:
            block.arguments += piece.arguments
            block.deltas.append({"type": "input_json_delta", "partial_json": piece.arguments})

    def _append(self, block: Block) -> None:
        self._close()
        self._waiting.append(block)

    def _close(self) -> None:
        """End the last text or thinking; thinking without a signature gets one that holds its origin."""
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.closed or last.place is not None:
            return
        if last.start["type"] == "thinking" and self._origin != "anthropic_messages":
            self._sign(Thinking(origin=self._origin))
        last.closed = True


class PassedBlocks:
    """The events of one message that were passed on unchanged. `ended`: its last delta; `stopped`: its last event."""

    def __init__(self) -> None:
        self.ended = self.stopped = False
        self._index = 0
        self._calls = 0
        self._open: Block | None = None

    def add(self, event: dict[str, Any]) -> None:
        """Record an event that is passed on."""
        match event["type"]:
            case "content_block_start":
                start = dict(event["content_block"])
                place = self._calls if start["type"] == "tool_use" else None
                self._calls += place is not None
                self._index, self._open = event["index"], Block(start, place=place, begun=True)
            case "content_block_delta" if self._open:
                self._open.arguments += reading.text(reading.mapping(event.get("delta")).get("partial_json"))
            case "content_block_stop" if self._open:
                self._index, self._open = self._index + 1, None
            case "message_delta":
                self.ended = True
            case "message_stop":
                self.stopped = True

    def writer(self) -> BlockWriter:
        """A writer for the rest of the message."""
        return BlockWriter("anthropic_messages", self._index, self._open)


def proof(thought: Thinking) -> str:
    """The signature of thinking, sealed if it is another format's."""
    own = thought.origin in ("", "anthropic_messages")
    return thought.signature if own else origins.sealed(thought)
