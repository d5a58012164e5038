"""Stored answers and conversation messages as JSON."""

from base64 import b64decode, b64encode
from dataclasses import fields
from typing import Any

from samplemind_cli.formats.types import COMPLETE, Answer, Media, Message, Opaque, Part, Text, Thinking, ToolCall, Usage

_USAGE = tuple(part.name for part in fields(Usage))
_PLAIN = ("provider", "model", "finish_reason", "stop_sequence")


def to_json(answer: Answer) -> dict[str, Any]:
    """An answer as it is stored."""
    plain = {name: getattr(answer, name) for name in _PLAIN}
    usage = {name: getattr(answer.usage, name) for name in _USAGE}  # a tenth of the time of asdict
    more: dict[str, Any] = {"logprobs": list(answer.logprobs)} if answer.logprobs else {}
    if answer.dropped:
        more["dropped"] = list(answer.dropped)
    if answer.others:
        more["others"] = [to_json(other) for other in answer.others]
    return {**plain, "usage": usage, "parts": [_stored_part(part) for part in answer.parts], **more}


def from_json(value: Any, key: str) -> Answer | None:
    """A stored answer, or None when the value is invalid."""
    try:
        if not all(isinstance(value[name], str) for name in _PLAIN) or value["finish_reason"] not in COMPLETE:
            return None
        usage = value["usage"]
        if not all(count is None or type(count) is int for count in usage.values()):
            return None
        others = [from_json(other, key) for other in value.get("others", ())]
        found = Answer(
            parts=tuple(map(_read, value["parts"])),
            usage=Usage(**usage),
            key=key,
            logprobs=tuple(value.get("logprobs", ())),
            dropped=tuple(map(str, value.get("dropped", ()))),
            others=tuple(other for other in others if other),
            **{name: value[name] for name in _PLAIN},
        )
        return found if len(found.others) == len(others) else None
    except (TypeError, KeyError, AttributeError, ValueError):
        return None


def message_to_json(message: Message) -> dict[str, Any]:
    """A turn of a conversation as it is stored."""
    return {"role": message.role, "parts": [_stored_part(part) for part in message.parts]}


def message_from_json(value: Any) -> Message:
    """A stored message. Raises ValueError, KeyError or TypeError for an invalid one."""
    return Message(value["role"], tuple(map(_read, value["parts"])))


def _stored_part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.text}
        case Thinking():
            stored = {"thinking": part.text, "signature": part.signature, "origin": part.origin}
            return {**stored, "redacted": part.redacted, "id": part.id}
        case ToolCall():
            stored = {"call": part.name, "arguments": part.arguments, "id": part.id, "signature": part.signature}
            return {**stored, "hints": dict(part.hints)}
        case Opaque():
            return {"block": dict(part.value), "origin": part.origin}
        case Media():
            stored = {"media": part.kind, "media_type": part.media_type, "name": part.name}
            return {**stored, "data": b64encode(part.data).decode()}
    raise TypeError(f"{type(part).__name__} is not stored")


def _read(value: dict[str, Any]) -> Part:
    match value:
        case {"text": str(text)}:
            return Text(text)
        case {"thinking": str(text), "signature": str(signature), "origin": str(origin), "redacted": bool(redacted)}:
            return Thinking(text, signature, origin, redacted, value.get("id", ""))  # type: ignore[arg-type]
        case {"call": str(name), "arguments": str(arguments), "id": str(call_id), "signature": str(signature)}:
            return ToolCall(name, arguments, call_id, signature=signature, hints=value.get("hints", {}))
        case {"block": dict(block), "origin": str(origin)}:
            return Opaque(origin, block)  # type: ignore[arg-type]
        case {"media": str(kind), "media_type": str(media_type), "name": str(name), "data": str(data)}:
            return Media(kind, media_type, b64decode(data), name)  # type: ignore[arg-type]
    raise ValueError("that is not a stored part")
