"""The tool calls of an answer in the making: their pieces joined, as they come."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from blake3 import blake3

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import ToolCall


@dataclass(slots=True)
class OpenCall:
    """A tool call that grows. `given` is the id its provider gave it, `id` the one it is told by.

    Its arguments are told as they come once they begin like an object; until then they may be text within text, null or
    nothing, and are held back.
    """

    place: int
    index: int | None
    given: str
    id: str
    name: str = ""
    arguments: str = ""
    default: str = ""
    signature: str = ""
    hints: dict[str, object] = field(default_factory=dict)
    told: int = 0  # characters of the arguments
    named: bool = False
    named_in_part: bool = False
    closed: bool = False

    @property
    def whole(self) -> bool:
        """Whether its arguments are an object."""
        return reading.is_object(self.arguments)

    def final(self) -> str:
        """Its arguments, once nothing more comes."""
        return reading.arguments(self.arguments if self.arguments.strip() else self.default)

    def news(self, *, last: bool = False) -> ToolCall | None:
        """What has not been told yet and may be."""
        live = self.arguments.lstrip()[:1] == "{"
        if not self.name or (self.named_in_part and not (self.arguments or last)) or (self.closed and not self.told):
            return None
        arguments = self.arguments[self.told :] if live else self.final() if last else ""
        head, self.named, self.closed = not self.named, True, last
        if live:
            self.told = len(self.arguments)
        if not head:
            return ToolCall(arguments=arguments, index=self.place) if arguments else None
        return ToolCall(self.name, arguments, self.id, self.place, signature=self.signature, hints=self.hints)

    def part(self) -> ToolCall:
        """The whole call."""
        return ToolCall(self.name, self.final(), self.id, signature=self.signature, hints=self.hints)


class Calls:
    """The calls of one answer. `key` makes their ids where they have none, `names` are the tools that may be called.

    `one`: further calls are left out.
    """

    def __init__(self, key: str, names: frozenset[str], *, one: bool) -> None:
        self._key = key
        self._names = names
        self._one = one
        self._calls: list[OpenCall] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: Iterable[ToolCall], opened: Callable[[OpenCall], None]) -> Iterator[ToolCall]:
        """Join pieces: what of them may be told. `opened` hears of each call that begins."""
        for piece in pieces:
            call = self._call(piece, opened)
            if call is None or (self._one and call.place):
                continue
            if told := call.news():
                yield told

    def rest(self) -> Iterator[ToolCall]:
        """What was held back to the end."""
        told = (call.news(last=True) for call in self._calls[: 1 if self._one else None])
        return (call for call in told if call)

    def _call(self, piece: ToolCall, opened: Callable[[OpenCall], None]) -> OpenCall | None:
        """The call that a piece belongs to, with the piece joined; None for one that was there already."""
        call = self._open(piece)
        if call and self._completes_name(call, piece):
            call.name += piece.name
        elif call is None or _begins_anew(piece, call):
            if not (piece.name or piece.id or piece.arguments.strip()):
                return None
            call = self._opened(piece, opened)
        elif piece.id and piece.id == call.given and piece.arguments.strip() == call.arguments.strip() and call.whole:
            return None  # told twice
        call.given = call.given or piece.id
        call.name = call.name or piece.name
        call.named_in_part = call.name not in self._names and self._begins_name(call.name)
        call.arguments += piece.arguments
        call.default = call.default or piece.default
        call.signature = call.signature or piece.signature
        call.hints.update(piece.hints)
        return call

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
        taken = not piece.id or any(call.id == piece.id for call in self._calls)
        made = f"call_{blake3(f'{self._key}:{place}'.encode()).hexdigest()[:24]}"
        call = OpenCall(place, piece.index, piece.id, made if taken else piece.id)
        self._calls.append(call)
        if not (self._one and place):
            opened(call)
        return call


def _begins_anew(piece: ToolCall, call: OpenCall) -> bool:
    """Whether a piece is another call than the one that is open where it says it belongs.

    Another name is another call, and so is another id, unless it comes without a name while the call's arguments are
    not whole (LM Studio gives each piece an id of its own); so is a name again, or a whole call with the same id, once
    the call's arguments are whole.
    """
    if piece.id and call.given:
        again = bool(piece.name) and call.whole and reading.is_object(piece.arguments)
        other = piece.id != call.given and (bool(piece.name) or call.whole)
        return other or (again and piece.arguments != call.arguments)
    if piece.name and call.name:
        return piece.name != call.name or call.whole
    return False
