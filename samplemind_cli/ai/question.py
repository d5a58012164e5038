"""The cache key's payload: everything in a request that may change its answer."""

from collections.abc import Mapping
from typing import Any

from blake3 import blake3

from samplemind_cli.ai.types import Media, Message, Opaque, Part, Request, Route, Text, Thinking, ToolCall, ToolResult

_PLAIN = sorted(Request.KEYED - {"messages"})


def payload(route: Route, request: Request) -> dict[str, Any]:
    """The payload of the fingerprint: the endpoint, and every keyed field of the request."""
    given = {name: getattr(request, name) for name in _PLAIN} | {"headers": request.betas}
    plain = {name: value for name, value in given.items() if value is not None and value not in ((), "", {})}
    if not request.json_mode:
        del plain["json_mode"]
    elif request.any_json:
        plain["json_mode"] = "any"
    messages = [_message(message) for message in request.messages]
    return {"base_url": route.endpoint.base_url, "model": route.endpoint.model, "messages": messages, **plain}


def _message(message: Message) -> dict[str, Any]:
    parts = [_part(part) for part in message.parts]
    return {"role": message.role, "parts": parts, **_said(name=message.name, hints=message.hints)}


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.text, **_said(hints=part.hints)}
        case Media():
            named = part.name if part.kind == "file" else ""  # the model sees a file's name
            where = _said(url=part.url, file_id=part.file_id, detail=part.detail, name=named, hints=part.hints)
            return {part.kind: part.media_type, "data": blake3(part.data).hexdigest(), **where}
        case Thinking():
            return {"thinking": part.text, **_said(signature=part.signature, redacted=part.redacted)}
        case ToolCall():
            said = _said(id=part.id, signature=part.signature, hints=part.hints)
            return {"call": part.name, "arguments": part.arguments, **said}
        case ToolResult():
            said = _said(id=part.call_id, failed=part.failed, name=part.name, hints=part.hints)
            return {"result": [_part(inner) for inner in part.parts], **said}
        case Opaque():
            return {"block": part.value}


def _said(**fields: str | bool | Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
