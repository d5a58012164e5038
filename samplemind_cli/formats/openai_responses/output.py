"""The items of an output, each written as events, or as a whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import orjson

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.openai_responses import proofs
from samplemind_cli.formats.openai_responses.tools import Tool
from samplemind_cli.formats.types import Thinking, ToolCall

Event = dict[str, Any]


class Item(Protocol):
    """One item of an output. `id` and `place` (its index) are the same in all its events."""

    id: str
    place: int

    def added(self) -> Iterator[Event]:
        """The events at its beginning."""

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """The events for its next piece."""

    def done(self, status: str) -> Iterator[Event]:
        """The events at its end."""

    def whole(self, status: str) -> Event:
        """The whole item."""


@dataclass(slots=True)
class MessageItem:
    """A message. `refusal`: its text is the reason why there is no answer."""

    id: str
    place: int
    refusal: bool = False
    text: str = ""
    logprobs: list[Any] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)

    def added(self) -> Iterator[Event]:
        """An empty message, then its one part."""
        yield {"type": "response.output_item.added", "output_index": self.place, "item": self._item("in_progress", [])}
        yield self._event("response.content_part.added", part=self._part())

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """A delta."""
        self.text += piece
        self.logprobs += logprobs
        if self.refusal:
            yield self._event("response.refusal.delta", delta=piece)
        else:
            yield self._event("response.output_text.delta", delta=piece, logprobs=[*logprobs])

    def noted(self, annotation: Any) -> Iterator[Event]:
        """An annotation of the text so far, such as its source."""
        number = len(self.annotations)
        self.annotations.append(annotation)
        fields = {"annotation_index": number, "annotation": annotation}
        yield self._event("response.output_text.annotation.added", **fields)

    def done(self, status: str) -> Iterator[Event]:
        """The whole text, part and item."""
        if self.refusal:
            yield self._event("response.refusal.done", refusal=self.text)
        else:
            yield self._event("response.output_text.done", text=self.text, logprobs=self.logprobs)
        yield self._event("response.content_part.done", part=self._part())
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole(status)}

    def whole(self, status: str) -> Event:
        """A message of one part."""
        return self._item(status, [self._part()])

    def _part(self) -> Event:
        if self.refusal:
            return {"type": "refusal", "refusal": self.text}
        known = {"annotations": [*self.annotations], "logprobs": [*self.logprobs]}
        return {"type": "output_text", "text": self.text, **known}

    def _item(self, status: str, content: list[Event]) -> Event:
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}

    def _event(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "item_id": self.id, "output_index": self.place, "content_index": 0, **more}


@dataclass(slots=True)
class ReasoningItem:
    """A reasoning item: thinking as its summary, and sealed what the provider must get back."""

    id: str
    place: int
    thinking: Thinking = field(default_factory=Thinking)
    sealed: str = ""  # the signature if it is not one of thinking
    alone: bool = False  # it came whole, in one block
    text: str = ""

    def added(self) -> Iterator[Event]:
        """An empty item."""
        yield {"type": "response.output_item.added", "output_index": self.place, "item": self._item([], None)}

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """A delta of the summary; the first one also begins its part."""
        del logprobs
        if not self.text:
            yield self._event("response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""})
        self.text += piece
        yield self._event("response.reasoning_summary_text.delta", delta=piece)

    def done(self, status: str) -> Iterator[Event]:
        """The summary, if there is one, and the item with its signature."""
        if self.text:
            yield self._event("response.reasoning_summary_text.done", text=self.text)
            part = {"type": "summary_text", "text": self.text}
            yield self._event("response.reasoning_summary_part.done", part=part)
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole(status)}

    def whole(self, status: str) -> Event:
        """The item; as OpenAI's, it has no status."""
        del status
        known = self.thinking
        thought = Thinking(self.text, known.signature, known.origin, known.redacted, known.id)
        summary = [{"type": "summary_text", "text": self.text}] if self.text else []
        return self._item(summary, self.sealed or proofs.of_thought(thought) or None)

    def _item(self, summary: list[Event], sealed: str | None) -> Event:
        return {"id": self.id, "type": "reasoning", "summary": summary, "encrypted_content": sealed}

    def _event(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "item_id": self.id, "output_index": self.place, "summary_index": 0, **more}


@dataclass(slots=True)
class OwnItem:
    """An item of a kind that only this format has, such as OpenAI's own search, unchanged."""

    id: str
    place: int
    value: Event

    def added(self) -> Iterator[Event]:
        """The item."""
        yield {"type": "response.output_item.added", "output_index": self.place, "item": self.whole("")}

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """None: it comes whole."""
        del piece, logprobs
        yield from ()

    def done(self, status: str) -> Iterator[Event]:
        """The item."""
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole(status)}

    def whole(self, status: str) -> Any:
        """The item, with its own status."""
        del status
        return orjson.Fragment(reading.packed(self.value))


@dataclass(slots=True)
class FunctionCallItem:
    """A call of a function."""

    id: str
    place: int
    call: ToolCall
    tool: Tool
    arguments: str = ""
    kind: ClassVar[str] = "function_call"
    content_field: ClassVar[str] = "arguments"

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are complete."""
        return reading.is_object(self.arguments)

    def added(self) -> Iterator[Event]:
        """A call without arguments."""
        yield {"type": "response.output_item.added", "output_index": self.place, "item": self._item("in_progress", "")}

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """A delta of the arguments."""
        del logprobs
        self.arguments += piece
        if piece:
            yield self._event("response.function_call_arguments.delta", delta=piece)

    def done(self, status: str) -> Iterator[Event]:
        """The whole arguments and item."""
        fields = {"name": self.tool.name, "arguments": self.arguments}
        yield self._event("response.function_call_arguments.done", **fields)
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole(status)}

    def whole(self, status: str) -> Event:
        """The call."""
        return self._item(status, self.arguments)

    def _item(self, status: str, content: str) -> Event:
        named = {"name": self.tool.name, **({"namespace": self.tool.namespace} if self.tool.namespace else {})}
        known = {"id": self.id, "type": self.kind, "status": status, "call_id": self.call.id}
        return {**known, **named, self.content_field: content}

    def _event(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "item_id": self.id, "output_index": self.place, **more}


@dataclass(slots=True)
class CustomCallItem(FunctionCallItem):
    """A call of a custom tool: its input is known once the function's arguments are complete."""

    kind: ClassVar[str] = "custom_tool_call"
    content_field: ClassVar[str] = "input"

    def more(self, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        """None yet."""
        del logprobs
        self.arguments += piece
        yield from ()

    def done(self, status: str) -> Iterator[Event]:
        """The input as one delta and whole, and the item."""
        given = self._input
        yield self._event("response.custom_tool_call_input.delta", delta=given)
        yield self._event("response.custom_tool_call_input.done", input=given)
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole(status)}

    def whole(self, status: str) -> Event:
        """The call, with its input."""
        return self._item(status, self._input)

    @property
    def _input(self) -> str:
        return custom_tools.given_input(ToolCall(arguments=self.arguments))
