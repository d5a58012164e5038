"""Writes tool calls for OpenAI's chat clients; those of custom tools with their input as text."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.types import ToolCall


def written(call: ToolCall, customs: Collection[str] = ()) -> dict[str, Any]:
    """A call, or a piece of one without the missing fields; a custom tool's call must be complete."""
    if not call.name:
        return {"function": {"arguments": call.arguments}}
    extra = {"google": {"thought_signature": call.signature}} if call.signature else {}
    kept = {"extra_content": extra, **call.hints} if extra else dict(call.hints)
    if call.name in customs:
        custom = {"input": custom_tools.given_input(call), "name": call.name}
        return {"type": "custom", "custom": custom, "id": call.id, **kept}
    function = {"arguments": call.arguments, "name": call.name}
    return {"type": "function", "function": function, "id": call.id, **kept}


class CallDeltas:
    """Writes the calls of a streamed answer; one of a custom tool once its arguments are complete, or at the end."""

    def __init__(self, customs: Collection[str]) -> None:
        self._customs = customs
        self._open: dict[tuple[int, int], ToolCall] = {}  # of custom tools, by choice and index

    def written(self, choice: int, pieces: Iterable[ToolCall]) -> Iterator[dict[str, Any]]:
        """What can be written of these pieces now."""
        for piece in pieces:
            key = (choice, piece.index or 0)
            if key not in self._open and piece.name not in self._customs:
                yield {"index": key[1], **written(piece)}
                continue
            known = self._open.get(key)
            self._open[key] = replace(known, arguments=known.arguments + piece.arguments) if known else piece
            if reading.is_object(self._open[key].arguments):
                yield self._whole(key)

    def rest(self, choice: int) -> list[dict[str, Any]]:
        """The incomplete calls at the end."""
        return [self._whole(key) for key in list(self._open) if key[0] == choice]

    def _whole(self, key: tuple[int, int]) -> dict[str, Any]:
        return {"index": key[1], **written(self._open.pop(key), self._customs)}
