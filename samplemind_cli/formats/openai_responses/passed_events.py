"""Follows a provider's own events that were passed on unchanged, so that we can continue after them."""

from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.openai_responses.output import (
    CustomCallItem,
    FunctionCallItem,
    Item,
    MessageItem,
    OwnItem,
    ReasoningItem,
)
from samplemind_cli.formats.openai_responses.reply import ENDS
from samplemind_cli.formats.openai_responses.tools import Tool, offered_name
from samplemind_cli.formats.types import Thinking, ToolCall

_DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
    }
)


class PassedEvents:
    """What was passed on of one response: its head, items and calls, and the number of events. `ended`: all of it."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.head = {**response, "output": []}
        self.items: list[Item] = []
        self.calls: list[FunctionCallItem] = []
        self.open: Item | None = None
        self.sent = 0
        self.ended = False

    def add(self, event: dict[str, Any]) -> None:
        """Record an event that is passed on."""
        kind, number = event["type"], reading.count(event.get("sequence_number"))
        self.sent = self.sent + 1 if number is None else number + 1
        item = self.open
        if kind == "response.output_item.added":
            self.open = self._item(event["item"])
            self.items.append(self.open)
            self.calls += (self.open,) if isinstance(self.open, FunctionCallItem) else ()
        elif kind in _DELTAS and item:
            for _ in item.more(event["delta"]):
                pass
        elif kind == "response.custom_tool_call_input.delta" and isinstance(item, CustomCallItem):
            item.arguments += custom_tools.piece(event["delta"], first=not item.arguments)
        elif kind == "response.output_text.annotation.added" and isinstance(item, MessageItem):
            item.annotations.append(event.get("annotation"))
        elif kind == "response.output_item.done":
            self._finish(event["item"])
        self.ended = self.ended or kind in ENDS

    def _item(self, value: dict[str, Any]) -> Item:
        """The writer for the rest of an item."""
        known, place = value["id"], len(self.items)
        match value["type"]:
            case "message":
                return MessageItem(known, place)
            case "reasoning":
                return ReasoningItem(known, place, Thinking(origin="openai_responses", id=known))
            case "function_call" | "custom_tool_call" as kind:
                namespace, custom = reading.text(value.get("namespace")), kind == "custom_tool_call"
                call = ToolCall(offered_name(value["name"], namespace), id=value["call_id"])
                call_item = CustomCallItem if custom else FunctionCallItem
                return call_item(known, place, call, Tool(value["name"], namespace, custom))
        return OwnItem(known, place, value)

    def _finish(self, value: dict[str, Any]) -> None:
        """Replace an item by the provider's whole one."""
        if self.open:
            self.items[-1], self.open = OwnItem(value["id"], self.open.place, value), None
