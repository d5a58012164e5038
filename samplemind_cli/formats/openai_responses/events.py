"""Writes the events of a streamed response: its items one after the other, numbered, and its end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses import answers
from samplemind_cli.formats.openai_responses.item_maker import ItemMaker, annotation
from samplemind_cli.formats.openai_responses.output import Event, FunctionCallItem, Item, MessageItem, ReasoningItem
from samplemind_cli.formats.openai_responses.passed_events import PassedEvents
from samplemind_cli.formats.openai_responses.tools import offered
from samplemind_cli.formats.origins import of_route
from samplemind_cli.formats.types import Answer, Chunk, Opaque, Part, Problem, Text, Thinking, ToolCall

_Pieces = list[tuple[str, Sequence[Any]]]


class Events:
    """The events of one answer; those of a provider of this format are passed on unchanged.

    One item is open at a time. Pieces of a later one wait until it is complete: text or reasoning once something else
    follows, a call once its arguments are, or all at the end.
    """

    kind = "text/event-stream; charset=utf-8"
    waits = True

    def __init__(self, number: str, model: str, fields: Fields) -> None:
        self._head = answers.head(number, model, fields)
        self._origin = of_route(model)
        self._maker = ItemMaker(number, offered(fields))
        self._sent = 0
        self._open: Item | None = None
        self._waiting: list[tuple[Item, _Pieces]] = []
        self._calls: dict[int, FunctionCallItem] = {}
        self._passed: PassedEvents | None = None

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk; a cached answer is a single chunk."""
        if (events := chunk.native_events("openai_responses")) is not None and self._passes(events):
            yield from map(_event, events)
            return
        if self._passed:
            if self._passed.ended:
                return
            self._go_on(self._passed)
        if chunk.route:  # pings may have been sent before the route was known
            self._origin, self._head["model"] = chunk.origin or of_route(chunk.route.name), chunk.route.name
        yield from self._begin()
        if chunk.answer and not self._maker.items:
            chunks: Iterator[Chunk] = _pieces(chunk.answer)
        else:
            chunks = iter((chunk,))
        for each in chunks:
            for event in self._written(each):
                yield self._event(event)
        if chunk.answer:
            yield from self._finish(chunk.answer)

    def end(self) -> bytes:
        """Empty: the last event is the response itself."""
        return b""

    def failed(self, problem: Problem) -> bytes:
        """`response.failed`, with the output so far; the provider's own, if its events were passed on."""
        if self._passed and reading.mapping(problem.provider_body).get("type") in ("response.failed", "error"):
            return _event(problem.provider_body)
        output = answers.whole_items(self._begun(), "incomplete")
        response = {**self._head, "output": output, **answers.failure(problem)}
        return b"".join([*self._begin(), self._event({"type": "response.failed", "response": response})])

    def idle(self) -> bytes:
        """A documented event that changes nothing: some clients ignore comments and time out."""
        if not self._sent:
            return b"".join(self._begin())
        return self._event({"type": "response.in_progress", "response": self._head})

    def _passes(self, events: Sequence[dict[str, Any]]) -> bool:
        """Whether these events may be passed on: if the response began with the provider's own first event."""
        if not self._sent and events and events[0]["type"] == "response.created":
            self._passed = PassedEvents(events[0]["response"])
        if self._passed is None:
            return False
        for each in events:
            self._passed.add(each)
        self._sent = self._passed.sent
        return True

    def _go_on(self, passed: PassedEvents) -> None:
        """Continue after the provider's own events."""
        self._passed, self._head, self._maker.items, self._open = None, passed.head, passed.items, passed.open
        self._calls = dict(enumerate(passed.calls))

    def _begin(self) -> Iterator[bytes]:
        if not self._sent:
            for kind in ("response.created", "response.in_progress"):
                yield self._event({"type": kind, "response": self._head})

    def _finish(self, answer: Answer) -> Iterator[bytes]:
        items = self._maker.items
        refused = any(isinstance(item, MessageItem) and item.refusal for item in items)
        status, details = answers.ending(answer, refused=refused)
        for event in self._rest(status):
            yield self._event(event)
        response = self._head | answers.ended(status, details, answers.whole_items(items, status), answer.usage)
        yield self._event({"type": f"response.{status}", "response": response})

    def _event(self, event: Event) -> bytes:
        numbered = {"type": event["type"], "sequence_number": self._sent, **event}
        self._sent += 1
        return _event(numbered)

    def _written(self, chunk: Chunk) -> Iterator[Event]:
        """The events for a chunk's block, then its thinking, text and calls."""
        if isinstance(chunk.block, Thinking):
            item = self._maker.reasoning(replace(chunk.block, text=""), alone=True)
            yield from self._new(item)
            yield from self._more(item, chunk.block.text) if chunk.block.text else ()
        elif chunk.block:
            yield from self._block(chunk.block)
        if chunk.thinking or chunk.signature:
            yield from self._thought(chunk)
        if chunk.text:
            last = self._maker.items[-1] if self._maker.items else None
            goes_on = isinstance(last, MessageItem) and last.refusal == chunk.refusal
            if not goes_on:
                yield from self._new(self._maker.message(refusal=chunk.refusal))
            yield from self._more(self._maker.items[-1], chunk.text, chunk.logprobs)
        for call in chunk.tool_calls:
            yield from self._called(call)

    def _block(self, block: Part) -> Iterator[Event]:
        """An item of this format's own, or an annotation."""
        noted, last = annotation(block), self._maker.items[-1] if self._maker.items else None
        if noted is not None and isinstance(last, MessageItem) and last is self._open:
            yield from last.noted(noted)
        elif noted is None and isinstance(block, Opaque) and block.origin == "openai_responses":
            yield from self._new(self._maker.own(dict(block.value)))

    def _thought(self, chunk: Chunk) -> Iterator[Event]:
        """More of the open reasoning, or a new item; a signature ends it."""
        last = self._maker.items[-1] if self._maker.items else None
        if not isinstance(last, ReasoningItem) or last.alone or last.sealed or last.thinking.signature:
            last = self._maker.reasoning(Thinking(origin=self._origin, id=chunk.thought_id))
            yield from self._new(last)
        last.thinking = replace(last.thinking, signature=chunk.signature)
        yield from self._more(last, chunk.thinking) if chunk.thinking else ()

    def _called(self, piece: ToolCall) -> Iterator[Event]:
        place = piece.index or 0
        if place not in self._calls:
            before = len(self._maker.items)
            self._calls[place] = self._maker.call(piece)
            for item in self._maker.items[before:]:
                yield from self._new(item)
        if piece.arguments:
            yield from self._more(self._calls[place], piece.arguments)

    def _new(self, item: Item) -> Iterator[Event]:
        self._waiting.append((item, []))
        yield from self._advance()

    def _more(self, item: Item, piece: str, logprobs: Sequence[Any] = ()) -> Iterator[Event]:
        if item is self._open:
            yield from item.more(piece, logprobs)
            yield from self._advance()
        else:
            pieces: _Pieces = next((pieces for waiting, pieces in self._waiting if waiting is item), [])
            pieces.append((piece, logprobs))

    def _advance(self) -> Iterator[Event]:
        """Close the open item and open the next, while there is one and the open one is complete."""
        while self._waiting and not (isinstance(self._open, FunctionCallItem) and not self._open.is_whole):
            yield from self._next()

    def _next(self) -> Iterator[Event]:
        if self._open:
            yield from self._open.done("completed")
        self._open, pieces = self._waiting.pop(0)
        yield from self._open.added()
        for piece, logprobs in pieces:
            yield from self._open.more(piece, logprobs)

    def _rest(self, status: str) -> Iterator[Event]:
        while self._waiting:
            yield from self._next()
        if self._open:
            yield from self._open.done(status)

    def _begun(self) -> list[Item]:
        """The items that have begun."""
        waiting = [item for item, _ in self._waiting]
        return [item for item in self._maker.items if item not in waiting]


def _event(value: Event) -> bytes:
    """One server-sent event, named by its type."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), reading.packed(value))


def _pieces(answer: Answer) -> Iterator[Chunk]:
    """The chunks of a whole answer."""
    calls = 0
    for part in answer.parts:
        match part:
            case Text(text):
                yield Chunk(text, refusal=answer.finish_reason == "refusal")
            case Thinking() | Opaque():
                yield Chunk(block=part)
            case ToolCall():
                yield Chunk(tool_calls=(replace(part, index=calls),))
                calls += 1
            case _:
                pass
