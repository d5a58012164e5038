"""Assembles a stream's pieces into whole parts in order: for formats that cannot send a part of a tool call."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Chunk, Format, Part, Text, Thinking, ToolCall


@dataclass(slots=True)
class _OpenCall:
    call: ToolCall
    whole: bool = False

    def add(self, piece: ToolCall) -> None:
        arguments = self.call.arguments + piece.arguments
        self.call = replace(self.call, arguments=arguments)
        # A complete object cannot continue; text that does not end in a brace need not be parsed.
        self.whole = arguments.rstrip()[-1:] == "}" and reading.is_object(arguments)


class Assembly:
    """Joins the pieces of calls; what follows an incomplete call waits for its end, so that the order is kept.

    `origin` is the format of the provider that answers.
    """

    def __init__(self, origin: Format = "") -> None:
        self._origin: Format = origin
        self._waiting: list[_OpenCall | Part] = []
        self._calls: dict[int, _OpenCall] = {}

    def of(self, chunk: Chunk) -> Iterator[Part]:
        """The parts that are complete now."""
        for part in self._parts(chunk):
            if not isinstance(part, ToolCall):
                self._waiting.append(part)
                continue
            place = part.index or 0
            if place not in self._calls:
                self._calls[place] = _OpenCall(replace(part, arguments="", index=None))
                self._waiting.append(self._calls[place])
            self._calls[place].add(part)
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, _OpenCall):
                if not first.whole:
                    return
                first = first.call
            del self._waiting[0]
            yield first

    def rest(self) -> Iterator[Part]:
        """The waiting parts at the end of the answer."""
        waiting, self._waiting = self._waiting, []
        yield from (part.call if isinstance(part, _OpenCall) else part for part in waiting)

    def _parts(self, chunk: Chunk) -> Iterator[Part]:
        """The parts of a chunk: thinking with its signature, a block, text, calls."""
        if chunk.thinking or chunk.signature:
            yield Thinking(chunk.thinking, chunk.signature, self._origin, id=chunk.thought_id)
        if chunk.block:
            yield chunk.block
        if chunk.text:
            yield Text(chunk.text)
        yield from chunk.tool_calls
