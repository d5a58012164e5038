"""Reads a provider's responses: events, or a whole response."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import faults, reading
from samplemind_cli.formats.openai_chat import events as chat_events
from samplemind_cli.formats.openai_responses.item_reader import CALLS, PIECES, WHOLES, ItemReader
from samplemind_cli.formats.types import Chunk, Fault, Finish, Usage

ENDS = ("response.completed", "response.incomplete", "response.failed", "response.done", "error")
# Parts of the codes of failures for which a retry is useless: invalid_prompt, invalid_image_url, bio_policy, ….
_LASTING = ("invalid", "image", "policy", "mismatch")


class ResponseReader:
    """Reads the events of one response."""

    def __init__(self) -> None:
        self._items: dict[int, ItemReader] = {}
        self._kinds: set[object] = set()  # of the items that had events
        self._in_chat = False

    def __call__(self, event: Any) -> Chunk:
        """What one event adds."""
        body = reading.mapping(event)
        kind = reading.text(body.get("type"))
        if kind in PIECES:  # most of them
            return PIECES[kind][1](self._reader(body), body)
        if kind in WHOLES:
            return WHOLES[kind](self._reader(body), body)
        if kind.startswith("response.output_item."):
            return self._item(body, done=kind.endswith("done"))
        self._in_chat = self._in_chat or "choices" in body
        if self._in_chat:  # a server that answers every path with chat completions
            return chat_events.read(event, one=True)
        return self._about_all(event, body)

    def _about_all(self, event: Any, body: dict[str, Any]) -> Chunk:
        """An event about the whole response."""
        response = reading.mapping(body.get("response"))
        if body.get("type") in ENDS and response:
            return self._ended(response)
        if faults.is_error_event(event):
            return Chunk(fault=_fault(event))
        if body.get("object") == "response" or isinstance(body.get("output"), list):
            return replace(self._ended(body), whole=True, late=False)
        return Chunk(model=reading.text(response.get("model")))

    def _reader(self, event: dict[str, Any]) -> ItemReader:
        place = reading.count(event.get("output_index")) or 0
        if place not in self._items:
            self._items[place] = ItemReader(place)
        return self._items[place]

    def _item(self, event: dict[str, Any], *, done: bool) -> Chunk:
        """The beginning of an item; at its end, what no piece had."""
        item, reader = reading.mapping(event.get("item")), self._reader(event)
        kind = item.get("type")
        if not done and kind not in CALLS:
            return Chunk()
        self._kinds.add(kind)
        return _joined(reader.rest(item)) if done else reader.called(item)

    def _ended(self, response: dict[str, Any]) -> Chunk:
        """A whole response, without the items that had events."""
        model = reading.text(response.get("model"))
        if response.get("status") == "failed" or response.get("error"):
            return Chunk(fault=_fault(response))
        readers = self._items.values()
        known = self._kinds | {"message" for each in readers if each.texts}
        known |= {"reasoning" for each in readers if each.thought}
        output = enumerate(reading.mappings(response.get("output")))
        new = (ItemReader(place).rest(item) for place, item in output if item.get("type") not in known)
        end = Chunk(finish=_finish(response), usage=_usage(response), model=model)
        return _joined([*((chunk, True) for rest in new for chunk, _ in rest), (end, False)])


def read(event: Any) -> Chunk:
    """One event on its own."""
    return ResponseReader()(event)


def readable(event: Any) -> bool:
    """Whether it is a documented event: clients join texts, and use the items unchanged."""
    body = reading.mapping(event)
    kind = reading.text(body.get("type"))
    if kind in PIECES:
        return isinstance(body.get(PIECES[kind][0]), str | dict) and isinstance(body.get("item_id"), str)
    if kind.startswith("response.output_item."):
        item = reading.mapping(body.get("item"))
        named = ("id", "type", *(("call_id", "name") if item.get("type") in CALLS else ()))
        return all(isinstance(item.get(name), str) and item[name] for name in named)
    if kind == "response.created" or kind in ENDS:
        return isinstance(body.get("response"), dict)
    return kind.startswith("response.")


def _joined(parts: Iterable[tuple[Chunk, bool]]) -> Chunk:
    """The parts of one event as one chunk; each comes with whether an earlier piece should have had it."""
    pairs = list(parts)
    chunks, late = tuple(chunk for chunk, _ in pairs), any(late for _, late in pairs)
    if len(chunks) < 2:  # noqa: PLR2004 - one thing, or none
        return replace(chunks[0], late=late) if chunks else Chunk()
    return replace(
        chunks[-1],
        text="".join(chunk.text for chunk in chunks),
        thinking="".join(chunk.thinking for chunk in chunks),
        signature=next((chunk.signature for chunk in chunks if chunk.signature), ""),
        thought_id=next((chunk.thought_id for chunk in chunks if chunk.thought_id), ""),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        refusal=any(chunk.refusal for chunk in chunks),
        finish=next((chunk.finish for chunk in chunks if chunk.finish), None),
        late=late,
        pieces=chunks,
    )


def _finish(response: dict[str, Any]) -> Finish:
    """The finish reason, by the status and the details of an incomplete response."""
    status = reading.text(response.get("status")) or "completed"
    if status != "incomplete":
        return reading.finish(status) or "unknown"
    reason = reading.finish(reading.mapping(response.get("incomplete_details")).get("reason"))
    return "unknown" if reason in (None, "stop", "tool_calls") else reason


def _usage(response: dict[str, Any]) -> Usage | None:
    usage = reading.mapping(response.get("usage"))
    prompt, output = (reading.mapping(usage.get(f"{side}_tokens_details")) for side in ("input", "output"))
    return reading.counted(
        Usage(
            input_tokens=reading.count(usage.get("input_tokens")),
            output_tokens=reading.count(usage.get("output_tokens")),
            cached_tokens=reading.count(prompt.get("cached_tokens")),
            reasoning_tokens=reading.count(output.get("reasoning_tokens")),
            cache_write_tokens=reading.count(prompt.get("cache_write_tokens")),
        )
    )


def _fault(event: Any) -> Fault:
    """The fault of an error event, or of a failed response; its code says whether a retry may help."""
    fault = faults.fault(200, event)
    fields = reading.mapping(event)
    code = reading.text(reading.mapping(fields.get("error") or fields).get("code"))
    lasts = fault.kind == "server" and any(word in code for word in _LASTING)
    return replace(fault, kind="request", passing=False) if lasts else fault
