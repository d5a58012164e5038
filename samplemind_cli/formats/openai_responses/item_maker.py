"""Makes the items of an output out of the parts of an answer."""

from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.openai_responses import proofs
from samplemind_cli.formats.openai_responses.output import Called, CalledCustom, Item, OwnItem, Said, Thought
from samplemind_cli.formats.openai_responses.tools import Offer
from samplemind_cli.formats.types import Answer, Opaque, Part, Text, Thinking, ToolCall

ANNOTATION = "annotation"  # what stands beside a text, as a block of this format


class ItemMaker:
    """Makes the items of one answer; `number` makes their ids."""

    def __init__(self, number: str, offer: Offer) -> None:
        self._number = number
        self._offer = offer
        self.items: list[Item] = []

    def said(self, *, refusal: bool = False) -> Said:
        """A message."""
        item = Said(self._id("msg"), len(self.items), refusal)
        self.items.append(item)
        return item

    def thought(self, thinking: Thinking, sealed: str = "", *, alone: bool = False) -> Thought:
        """A thought; its text comes in pieces. A proof of this format is one of the id that its provider gave it."""
        known = thinking.id if thinking.origin == "openai_responses" else ""
        item = Thought(known or self._id("rs"), len(self.items), thinking, sealed, alone)
        self.items.append(item)
        return item

    def called(self, call: ToolCall) -> Called:
        """A call, behind the proof that belongs to it; its arguments come in pieces."""
        if sealed := proofs.of_call(call):
            self.thought(Thinking(), sealed)
        tool = self._offer.find(call.name)
        made, kind = (CalledCustom, "ctc") if tool.custom else (Called, "fc")
        item = made(self._id(kind), len(self.items), call, tool)
        self.items.append(item)
        return item

    def kept(self, value: dict[str, Any]) -> OwnItem:
        """An item as it came."""
        known = reading.text(value.get("id")) or self._id("item")
        item = OwnItem(known, len(self.items), {**value, "id": known})
        self.items.append(item)
        return item

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._number}_{len(self.items)}"


def items(answer: Answer, maker: ItemMaker) -> list[Item]:
    """The items of a whole answer."""
    for part in answer.parts:
        _tell(part, answer, maker)
    return maker.items


def annotation(part: Part) -> Any:
    """What stands beside the text before it; None where a part says something of its own."""
    if isinstance(part, Opaque) and part.origin == "openai_responses" and part.value.get("type") == ANNOTATION:
        return part.value.get(ANNOTATION)
    return None


def _tell(part: Part, answer: Answer, maker: ItemMaker) -> None:
    item: Item
    last = maker.items[-1] if maker.items else None
    match part:
        case Text(text) if text:
            item = last if isinstance(last, Said) else maker.said(refusal=answer.finish_reason == "refusal")
            said = text
        case Thinking():
            item, said = maker.thought(part), part.text
        case ToolCall():
            item, said = maker.called(part), part.arguments
        case Opaque(origin="openai_responses"):
            if (noted := annotation(part)) is None:
                maker.kept(dict(part.value))
            elif isinstance(last, Said):
                last.annotations.append(noted)
            return
        case _:
            return
    for _ in item.more(said) if said else ():
        pass
