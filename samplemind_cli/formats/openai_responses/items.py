"""Reads the items of an input into messages; consecutive items of the model are one turn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.attached import media, sound
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses import compaction, proofs
from samplemind_cli.formats.openai_responses.tools import offered_name
from samplemind_cli.formats.types import (
    Media,
    MediaKind,
    Message,
    Opaque,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

ROLES = ("user", "assistant", "system", "developer")
_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text", "refusal")
_WHICH: dict[str, MediaKind] = {"input_image": "image", "input_video": "video", "input_file": "file"}
PARTS = (*_TEXTS, *_WHICH, "input_audio")  # videos: as OpenRouter and Volcengine have them
KEPT = {"item_reference": "names an item that a server keeps; none is kept here: send the item itself"}
# Fields of an item that change no answer.
_IGNORED = {"type", "id", "status"}


def messages(fields: Fields) -> tuple[Message, ...]:
    """The conversation in `instructions` and `input`. Raises BadRequestError."""
    system = fields.get("instructions", str)
    first = [Message("system", system)] if system else []
    given = fields.raw.get("input")
    if compaction.is_asked(fields):
        return (*first, *_turns(fields.items("input")[:-1]), Message("user", compaction.PROMPT))
    if isinstance(given, str) and given:
        return (*first, Message("user", given))
    if not isinstance(given, list) or not given:
        raise fields.wrong("input", "must be a non-empty string or a list of items")
    return (*first, *_turns(fields.items("input")))


def _turns(items: Sequence[Fields]) -> list[Message]:
    turns: list[Message] = []
    proved: dict[str, dict[str, Any]] = {}  # signature and hints of a call, by its id
    for item in items:
        message = _message(item, proved)
        last = turns[-1] if turns else None
        if last and message and last.role == message.role == "assistant":
            parts = (*last.parts, *message.parts)
            turns[-1] = Message("assistant", parts, hints={**last.hints, **message.hints})
        elif message:
            turns.append(message)
    return [_proved(message, proved) if proved else message for message in turns]


def _proved(message: Message, proved: dict[str, dict[str, Any]]) -> Message:
    """The message with the signatures and hints of its calls."""

    def known(part: Part) -> Part:
        if not isinstance(part, ToolCall) or part.id not in proved:
            return part
        proof = proved[part.id]
        signature, hints = reading.text(proof.get("signature")), reading.mapping(proof.get("hints"))
        return replace(part, signature=signature, hints={**hints, **part.hints})

    return Message(message.role, map(known, message.parts), message.name, message.hints)


def _message(item: Fields, proved: dict[str, dict[str, Any]]) -> Message | None:
    """An item as a message; None if it has no content of its own."""
    kind = item.get("type", str) or "message"
    if kind in KEPT:
        raise item.wrong("type", f"{kind} {KEPT[kind]}", "unsupported_value")
    if kind == "reasoning":
        parts = tuple(_thinking(item, proved))
        return Message("assistant", parts) if parts else None
    if kind in ("additional_tools", "tool_search_output"):
        return None  # their tools are added to the request's
    if kind == compaction.KIND and (summary := compaction.summary(item)):
        return Message("user", (summary,))
    reader = _READERS.get(kind)
    return reader(item) if reader else Message("assistant", (Opaque("openai_responses", _plain(item)),))


def _spoken(item: Fields) -> Message:
    role = item.one_of("role", ROLES, "")
    content = item.raw.get("content")
    parts = ((Text(content),) if content else ()) if isinstance(content, str) else tuple(_parts(item, "content"))
    spoken = cast("Role", "system" if role == "developer" else role)
    return Message(spoken, parts, hints=_hints(item, "role", "content"))


def _call(item: Fields) -> Message:
    name = offered_name(item.need("name", str), item.get("namespace", str) or "")
    hints = _hints(item, "call_id", "name", "namespace", "arguments")
    call = ToolCall(name, item.json_text("arguments"), item.need("call_id", str), hints=hints)
    return Message("assistant", (call,))


def _custom_call(item: Fields) -> Message:
    name = offered_name(item.need("name", str), item.get("namespace", str) or "")
    arguments = custom_tools.arguments(item.get("input", str) or "")
    hints = _hints(item, "call_id", "name", "namespace", "input")
    return Message("assistant", (ToolCall(name, arguments, item.need("call_id", str), hints=hints),))


def _result(item: Fields) -> Message:
    output = item.raw.get("output")
    if isinstance(output, dict | None) and "output" in item.raw:
        output = item.json_text("output")
    parts = ((Text(output),) if output else ()) if isinstance(output, str) else tuple(_parts(item, "output"))
    name = item.get("name", str) or ""
    hints = _hints(item, "call_id", "name", "namespace", "output")
    return Message("tool", (ToolResult(item.get("call_id", str) or "", parts, name=name, hints=hints),))


_READERS: dict[str, Callable[[Fields], Message]] = {
    "message": _spoken,
    "function_call": _call,
    "custom_tool_call": _custom_call,
    "function_call_output": _result,
    "custom_tool_call_output": _result,
}


def _thinking(item: Fields, proved: dict[str, dict[str, Any]]) -> Iterator[Part]:
    """Thinking that was sealed here is opened; what another server encrypted is kept for it."""
    content = item.get("encrypted_content", str) or ""
    proof = proofs.opened(content)
    if proof is not None and (call := reading.text(proof.get("call"))):
        proved[call] = proof
    elif proof is not None:
        yield proofs.thought(proof)
    elif content:
        yield Opaque("openai_responses", _plain(item))
    elif words := "".join(_texts(item, "content")) or "".join(_texts(item, "summary")):
        yield Thinking(words, origin="openai_responses")


def _texts(item: Fields, key: str) -> Iterator[str]:
    yield from (text for part in item.items(key) if (text := part.get("text", str)))


def _parts(item: Fields, key: str) -> Iterator[Text | Media]:
    if not isinstance(item.raw.get(key), list):
        raise item.wrong(key, "must be a string or a list of parts")
    for part in item.items(key):
        if (known := _part(part)) is not None:
            yield known


def _part(part: Fields) -> Text | Media | None:
    kind = part.one_of("type", PARTS, "")
    if kind in _TEXTS:
        key = "refusal" if kind == "refusal" else "text"
        text = part.need(key, str)
        return Text(text, _hints(part, key, "annotations", "logprobs")) if text else None
    detail = part.get("detail", str) or ""
    if kind == "input_audio":
        return sound(part, _hints(part, kind))
    hints = _hints(part, "detail", "file_id", "file_url", "file_data", "filename", "image_url", "video_url")
    name = part.get("filename", str) or ""
    which = _WHICH[kind]
    if file_id := part.get("file_id", str):
        return Media(which, name=name, file_id=file_id, detail=detail, hints=hints)
    key = f"{which}_url" if which != "file" or part.raw.get("file_url") else "file_data"
    return media(part, key, which, name=name, detail=detail, hints=hints)


def _hints(item: Fields, *known: str) -> dict[str, Any]:
    return item.others({*known, *_IGNORED})


def _plain(item: Fields) -> dict[str, Any]:
    return {"type": item.raw["type"], **_hints(item)}
