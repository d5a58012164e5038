"""Makes the items of an output from the parts of an answer."""

from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.openai_responses import proofs
from samplemind_cli.formats.openai_responses.output import (
    CustomCallItem,
    FunctionCallItem,
    Item,
    MessageItem,
    OwnItem,
    ReasoningItem,
)
from samplemind_cli.formats.openai_responses.tools import Offer
from samplemind_cli.formats.types import Answer, Opaque, Part, Text, Thinking, ToolCall

ANNOTATION = "annotation"  # the type of a block that annotates the text before it


class ItemMaker:
    """Makes the items of one answer; their ids contain `number`."""

    def __init__(self, number: str, offer: Offer) -> None:
        self._number = number
        self._offer = offer
        self.items: list[Item] = []

    def message(self, *, refusal: bool = False) -> MessageItem:
        """A message."""
        item = MessageItem(self._id("msg"), len(self.items), refusal)
        self.items.append(item)
        return item

    def reasoning(self, thinking: Thinking, sealed: str = "", *, alone: bool = False) -> ReasoningItem:
        """Reasoning; its text comes in pieces. A signature of this format also covers the provider's id."""
        known = thinking.id if thinking.origin == "openai_responses" else ""
        item = ReasoningItem(known or self._id("rs"), len(self.items), thinking, sealed, alone)
        self.items.append(item)
        return item

    def call(self, call: ToolCall) -> FunctionCallItem:
        """A call, after the signature that belongs to it; its arguments come in pieces."""
        if sealed := proofs.of_call(call):
            self.reasoning(Thinking(), sealed)
        tool = self._offer.find(call.name)
        kind, prefix = (CustomCallItem, "ctc") if tool.custom else (FunctionCallItem, "fc")
        item = kind(self._id(prefix), len(self.items), call, tool)
        self.items.append(item)
        return item

    def own(self, value: dict[str, Any]) -> OwnItem:
        """An item of the format's own, unchanged."""
        known = reading.text(value.get("id")) or self._id("item")
        item = OwnItem(known, len(self.items), {**value, "id": known})
        self.items.append(item)
        return item

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._number}_{len(self.items)}"


def items(answer: Answer, maker: ItemMaker) -> list[Item]:
    """The items of a whole answer."""
    for part in answer.parts:
        _add(part, answer, maker)
    return maker.items


def annotation(part: Part) -> Any:
    """The annotation in a part; None for other parts."""
    if isinstance(part, Opaque) and part.origin == "openai_responses" and part.value.get("type") == ANNOTATION:
        return part.value.get(ANNOTATION)
    return None


def _add(part: Part, answer: Answer, maker: ItemMaker) -> None:
    item: Item
    last = maker.items[-1] if maker.items else None
    match part:
        case Text(text) if text:
            item = last if isinstance(last, MessageItem) else maker.message(refusal=answer.finish_reason == "refusal")
            content = text
        case Thinking():
            item, content = maker.reasoning(part), part.text
        case ToolCall():
            item, content = maker.call(part), part.arguments
        case Opaque(origin="openai_responses"):
            if (noted := annotation(part)) is None:
                maker.own(dict(part.value))
            elif isinstance(last, MessageItem):
                last.annotations.append(noted)
            return
        case _:
            return
    for _ in item.more(content) if content else ():
        pass
