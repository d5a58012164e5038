"""Passes a provider's events on unchanged to clients of its own format, as long as they match what was read of them."""

from typing import Any

from samplemind_cli.ai.types import Chunk, Client, Format, ToolCall
from samplemind_cli.formats.reading import OVER, mapping

GOES_ON: Any = "goes on"  # instead of an event: the one before says this too
NAMING = ("openai_chat", "anthropic_messages")  # formats with a word of their own for an end in calls
PLACING = ("openai_responses", "anthropic_messages")  # formats whose pieces name the place of their block, or item


class Passing:
    """The events of one answer in the format `origin`; with `on` False no client wants them.

    From the first event that had to be mended on, clients are sent events made from the chunks.
    """

    def __init__(self, origin: Format, *, on: bool) -> None:
        self._origin: Format = origin
        self._pending: list[Any] | None = [] if on else None
        self._ended = False

    def add(self, event: Any, chunk: Chunk, sent: Chunk, calls: tuple[ToolCall, ...], *, calling: bool) -> None:
        """Add an event (None: no client could read it), its chunk, and what is sent of that, with these calls.

        `calling`: the answer has a call by now.
        """
        if self._pending is None:
            return
        if event is OVER:
            self._pending = self._pending if self._ended else None  # then the end is ours to name
            return
        self._ended = self._ended or chunk.finish is not None
        if event is not None and self._ends_well(chunk, calling=calling) and self._is_same(chunk, sent, calls):
            self._pending += () if event is GOES_ON else (event,)
        else:
            self._pending = None

    def mended(self) -> None:
        """What was sent last is in no event."""
        self._pending = None

    def take(self) -> tuple[Any, ...] | None:
        """The events since the last call; None where they are to be made from their chunks."""
        if self._pending is None:
            return None
        events, self._pending = tuple(self._pending), []
        return events

    def _is_same(self, chunk: Chunk, sent: Chunk, calls: tuple[ToolCall, ...]) -> bool:
        """Whether an event says the same as what is sent of it."""
        if chunk.whole or chunk.others or (chunk.text, chunk.thinking) != (sent.text, sent.thinking):
            return False
        blocks = self._origin in PLACING
        if blocks and chunk.finish:
            calls = tuple(call for call in calls if call.arguments != "{}")  # which an empty block has said
        pieces = [piece for piece in chunk.tool_calls if piece.name or piece.arguments]
        return len(calls) == len(pieces) and all(
            (one.name, one.arguments) == (other.name, other.arguments)
            and one.id in ("", other.id)
            and (blocks or one.index in (None, other.index))
            for one, other in zip(pieces, calls, strict=True)
        )

    def _ends_well(self, chunk: Chunk, *, calling: bool) -> bool:
        """Whether an end is the one that the answer will have."""
        if calling:
            return chunk.finish not in ("stop", "unknown") or self._origin not in NAMING
        return chunk.finish != "tool_calls"


def event_of(event: Any, chunk: Chunk, client: Client) -> Any:
    """The event to send a client of the provider's format instead of a chunk.

    None where it could not read it; `OVER` for the end of a stream that named none.
    """
    if event is OVER or (chunk.finish and mapping(event).get("type") == "message_stop"):
        return OVER
    return event if client.readable(event) and not (chunk.whole or chunk.late) else None
