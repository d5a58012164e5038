"""Joins the pieces of an answer's tool calls as they arrive."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from blake3 import blake3

from samplemind_cli.ai.growing import OpenCall, begins_anew
from samplemind_cli.formats.types import ToolCall

# What gpt-oss, Gemini and Kimi put around the name of a function: "f<|channel|>json", "default_api.f", "functions.f:0".
_MARKS = re.compile(r"^(?:functions|default_api|tools?)[.:]|<\|.*|:\d+$", re.DOTALL)


class CalledTools:
    """The calls of one answer. `key` makes their ids where they have none; `used` are the ids of earlier calls.

    `names`: of the tools that may be called. `one`: further calls are left out.
    """

    def __init__(self, key: str, used: Collection[str], names: frozenset[str], *, one: bool) -> None:
        self._key = key
        self._used = used
        self._names = names
        self._one = one
        self._calls: list[OpenCall] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: Iterable[ToolCall], opened: Callable[[OpenCall], None]) -> Iterator[ToolCall]:
        """Join pieces; yields what may be sent of them. `opened` is called with each new call."""
        for piece in pieces:
            call = self._call(piece, opened)
            if call is None or (self._one and call.place):
                continue
            if new := call.news():
                yield new

    def rest(self) -> Iterator[ToolCall]:
        """What was held back to the end."""
        new = (call.news(last=True) for call in self._calls[: 1 if self._one else None])
        return (call for call in new if call)

    def _call(self, piece: ToolCall, opened: Callable[[OpenCall], None]) -> OpenCall | None:
        """The call that a piece belongs to, with the piece joined; None for one that was there already."""
        piece = self._plain(piece)
        call = self._open(piece)
        if call and self._completes_name(call, piece):
            call.name += piece.name
        elif call is None or begins_anew(piece, call):
            if not (piece.name or piece.id or piece.arguments.strip()):
                return None
            call = self._opened(piece, opened)
        elif piece.id and piece.id == call.given and piece.arguments.strip() == call.arguments.strip() and call.whole:
            return None  # sent twice
        call.given = call.given or piece.id
        call.name = call.name or piece.name
        call.named_in_part = call.name not in self._names and self._begins_name(call.name)
        if not call.arguments and piece.index is not None and piece.arguments.strip() == "{}":
            call.default = call.default or "{}"  # some begin so, and then say the arguments
        else:
            call.arguments += piece.arguments
        call.default = call.default or piece.default
        call.signature = call.signature or piece.signature
        call.hints.update(piece.hints)
        return call

    def _plain(self, piece: ToolCall) -> ToolCall:
        """The piece with the name of a tool, where the model's own marks stand around it."""
        if not piece.name or piece.name in self._names or self._begins_name(piece.name):
            return piece
        plain = _MARKS.sub("", piece.name).strip()
        return replace(piece, name=plain) if plain in self._names else piece

    def _open(self, piece: ToolCall) -> OpenCall | None:
        """The last call with the piece's index, or the last of all where it has none."""
        same = (call for call in reversed(self._calls) if piece.index is None or piece.index == call.index)
        return next(same, None)

    def _completes_name(self, call: OpenCall, piece: ToolCall) -> bool:
        """Whether a name comes in pieces: it is that of no tool, until they are joined."""
        if not piece.name or call.arguments or (piece.id and piece.id != call.given):
            return False
        return call.name not in self._names and self._begins_name(call.name + piece.name)

    def _begins_name(self, beginning: str) -> bool:
        return any(name.startswith(beginning) for name in self._names)

    def _opened(self, piece: ToolCall, opened: Callable[[OpenCall], None]) -> OpenCall:
        place = len(self._calls)
        taken = not piece.id or piece.id in self._used or any(call.id == piece.id for call in self._calls)
        made = f"call_{blake3(f'{self._key}:{place}'.encode()).hexdigest()[:24]}"
        call = OpenCall(place, piece.index, piece.id, made if taken else piece.id)
        self._calls.append(call)
        if not (self._one and place):
            opened(call)
        return call
