"""The events of a streamed message that a provider of this format wrote: passed on, and where they have come to."""

from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.anthropic_messages.told import Block, Told


class Came:
    """What has been passed on of one message. `ended`: its last delta; `stopped`: its last event."""

    def __init__(self) -> None:
        self.ended = self.stopped = False
        self._index = 0
        self._calls = 0
        self._open: Block | None = None

    def add(self, event: dict[str, Any]) -> None:
        """One event is passed on."""
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

    def told(self) -> Told:
        """What tells the rest of the message."""
        return Told("anthropic_messages", self._index, self._open)
