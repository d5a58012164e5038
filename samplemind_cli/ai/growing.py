"""Parts of an answer that grow with its chunks: words, and calls of tools."""

from dataclasses import dataclass, field

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Format, Part, Text, Thinking, ToolCall


@dataclass(slots=True)
class Words:
    """A text or a thought that grows."""

    thought: bool
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    id: str = ""

    def part(self, origin: Format) -> Part:
        """All of it, of a provider of this format."""
        said = "".join(self.pieces)
        return Thinking(said, self.signature, origin, id=self.id) if self.thought else Text(said)


@dataclass(slots=True)
class OpenCall:
    """A tool call that grows. `given` is the id its provider gave it, `id` the one that clients are sent.

    Its arguments are sent as they arrive once they begin like an object; until then they may be JSON within a string,
    null or nothing, and are held back.
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
    sent: int = 0  # characters of the arguments
    named: bool = False
    named_in_part: bool = False
    closed: bool = False

    @property
    def whole(self) -> bool:
        """Whether its arguments are an object by now."""
        return reading.is_object(self.arguments or self.default)

    def final(self) -> str:
        """Its arguments when nothing more comes."""
        return reading.arguments(self.arguments if self.arguments.strip() else self.default)

    def news(self, *, last: bool = False) -> ToolCall | None:
        """What has not been sent yet and may be."""
        live = self.arguments.lstrip()[:1] == "{"
        if not self.name or (self.named_in_part and not (self.arguments or last)) or (self.closed and not self.sent):
            return None
        arguments = self.arguments[self.sent :] if live else self.final() if last else ""
        head, self.named, self.closed = not self.named, True, last
        if live:
            self.sent = len(self.arguments)
        if not head:
            return ToolCall(arguments=arguments, index=self.place) if arguments else None
        return ToolCall(self.name, arguments, self.id, self.place, signature=self.signature, hints=self.hints)

    def part(self) -> ToolCall:
        """All of it."""
        return ToolCall(self.name, self.final(), self.id, signature=self.signature, hints=self.hints)


def begins_anew(piece: ToolCall, call: OpenCall) -> bool:
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
