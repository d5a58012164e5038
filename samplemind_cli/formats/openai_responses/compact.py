"""`/responses/compact`: a response that is a compaction, written as a compacted conversation; a room like server.py."""

import time
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses.answers import counted
from samplemind_cli.formats.openai_responses.compaction import KIND, TRIGGER, compacted
from samplemind_cli.formats.openai_responses.server import error, events, read, streams
from samplemind_cli.formats.types import Answer, Opaque

__all__ = ["error", "events", "read", "streams", "triggered", "whole"]


def triggered(fields: Fields) -> Fields:
    """The body of `/responses/compact` as the response that it asks for."""
    given = fields.raw.get("input")
    said = [{"role": "user", "content": given}] if isinstance(given, str) and given else given or []
    if not isinstance(said, list) or not said:
        raise fields.wrong("input", "must be a non-empty string or a list of items")
    return Fields({**fields.raw, "input": [*said, {"type": TRIGGER}], "stream": False})


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """The compacted conversation: what its user said, and the item that stands for all else."""
    said = [_said(item, f"msg_{number}_{n}") for n, item in enumerate(fields.items("input")) if _is_users(item)]
    made = (part.value for part in compacted(answer).parts if isinstance(part, Opaque))
    items = [{"id": f"cmp_{number}", **value} for value in made if value.get("type") == KIND]
    head = {"id": f"resp_{number}", "object": "response.compaction", "created_at": int(time.time())}
    return reading.packed({**head, "output": [*said, *items], "usage": counted(answer.usage)})


def _is_users(item: Fields) -> bool:
    return (item.raw.get("type") or "message") == "message" and item.raw.get("role") == "user"


def _said(item: Fields, number: str) -> dict[str, Any]:
    content = item.raw.get("content")
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return {"id": number, "type": "message", "status": "completed", "role": "user", "content": parts}
