"""A provider's events on their way to clients of its own format: as they came, while they say what is told of them."""

from typing import Any

from samplemind_cli.ai.types import Chunk, Client, Format, ToolCall
from samplemind_cli.formats.reading import OVER, mapping

GOES_ON: Any = "goes on"  # instead of an event: the one before says this too
NAMING = ("openai_chat", "anthropic_messages")  # formats with a word of their own for an end in calls
PLACING = ("openai_responses", "anthropic_messages")  # formats whose pieces name the place of their block, or item


class Passing:
    """The events of one answer; `origin` is its provider's format, in which nobody waits for them where `on` is False.

    Once one had to be mended, that one and all that follow are told from their chunks.
    """

    def __init__(self, origin: Format, *, on: bool) -> None:
        self._origin: Format = origin
        self._untold: list[Any] | None = [] if on else None
        self._ended = False

    def heard(self, event: Any, said: Chunk, told: Chunk, calls: tuple[ToolCall, ...], *, calling: bool) -> None:
        """One event (None: no client could read it), what it said, and what is told of it, with these calls.

        `calling`: the answer has a call by now.
        """
        if self._untold is None:
            return
        if event is OVER:
            self._untold = self._untold if self._ended else None  # then we name an end
            return
        self._ended = self._ended or said.finish is not None
        if event is not None and self._ends_well(said, calling=calling) and self._is_same(said, told, calls):
            self._untold += () if event is GOES_ON else (event,)
        else:
            self._untold = None

    def mended(self) -> None:
        """What was told last is in no event."""
        self._untold = None

    def take(self) -> tuple[Any, ...] | None:
        """The events since the last that were taken; None where they are to be told from their chunks."""
        if self._untold is None:
            return None
        events, self._untold = tuple(self._untold), []
        return events

    def _is_same(self, said: Chunk, told: Chunk, calls: tuple[ToolCall, ...]) -> bool:
        """Whether a client learns from the event what it would learn from what is told of it."""
        if said.whole or said.others or (said.text, said.thinking) != (told.text, told.thinking):
            return False
        blocks = self._origin in PLACING
        if blocks and said.finish:
            calls = tuple(call for call in calls if call.arguments != "{}")  # which an empty block has said
        pieces = [piece for piece in said.tool_calls if piece.name or piece.arguments]
        return len(calls) == len(pieces) and all(
            (one.name, one.arguments) == (other.name, other.arguments)
            and one.id in ("", other.id)
            and (blocks or one.index in (None, other.index))
            for one, other in zip(pieces, calls, strict=True)
        )

    def _ends_well(self, said: Chunk, *, calling: bool) -> bool:
        """Whether an end is the one that the answer will have."""
        if calling:
            return said.finish not in ("stop", "unknown") or self._origin not in NAMING
        return said.finish != "tool_calls"


def event_of(event: Any, chunk: Chunk, client: Client) -> Any:
    """What a client of the provider's format hears instead of a chunk: the event that said it.

    None where it could not read that; `OVER` for the end of a stream that named none.
    """
    if event is OVER or (chunk.finish and mapping(event).get("type") == "message_stop"):
        return OVER
    return event if client.readable(event) and not (chunk.whole or chunk.late) else None
