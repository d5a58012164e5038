"""Tool calls as OpenAI's chat clients are told them: those of custom tools with their input as text."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.types import ToolCall


def told(call: ToolCall, customs: Collection[str] = ()) -> dict[str, Any]:
    """A call, or a piece of one: what a piece does not say is left out. A custom tool's call is whole."""
    if not call.name:
        return {"function": {"arguments": call.arguments}}
    extra = {"google": {"thought_signature": call.signature}} if call.signature else {}
    kept = {"extra_content": extra, **call.hints} if extra else dict(call.hints)
    if call.name in customs:
        said: dict[str, Any] = {"input": custom_tools.given_input(call), "name": call.name}
        return {"type": "custom", "custom": said, "id": call.id, **kept}
    said = {"arguments": call.arguments, "name": call.name}
    return {"type": "function", "function": said, "id": call.id, **kept}


class CallDeltas:
    """Tells the calls of a streamed answer; one of a custom tool once its arguments are whole, or have ended."""

    def __init__(self, customs: Collection[str]) -> None:
        self._customs = customs
        self._open: dict[tuple[int, int], ToolCall] = {}  # of custom tools, by their choice and their place in it

    def told(self, choice: int, pieces: Iterable[ToolCall]) -> Iterator[dict[str, Any]]:
        """What may be told of these pieces now."""
        for piece in pieces:
            key = (choice, piece.index or 0)
            if key not in self._open and piece.name not in self._customs:
                yield {"index": key[1], **told(piece)}
                continue
            known = self._open.get(key)
            self._open[key] = replace(known, arguments=known.arguments + piece.arguments) if known else piece
            if reading.is_object(self._open[key].arguments):
                yield self._whole(key)

    def rest(self, choice: int) -> list[dict[str, Any]]:
        """The calls that were cut off."""
        return [self._whole(key) for key in list(self._open) if key[0] == choice]

    def _whole(self, key: tuple[int, int]) -> dict[str, Any]:
        return {"index": key[1], **told(self._open.pop(key), self._customs)}
