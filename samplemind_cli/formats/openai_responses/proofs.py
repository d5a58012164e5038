"""What a model must be shown again of its own thinking, sealed into `encrypted_content` for a client to send back."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, cast, get_args

from samplemind_cli.formats import reading
from samplemind_cli.formats.parts import Format, Thinking, ToolCall

_MARK = "samplemind:"


def of_thought(thought: Thinking) -> str:
    """All of a thought, with the format of the provider that wrote it; one of this format has a proof already."""
    if thought.origin == "openai_responses":
        return thought.signature
    known = {
        "text": thought.text,
        "signature": thought.signature,
        "origin": thought.origin,
        "redacted": thought.redacted,
        "id": thought.id,
    }
    return _sealed({name: value for name, value in known.items() if value})


def of_call(call: ToolCall) -> str:
    """What belongs to a call and has no place in one; nothing where there is none of it."""
    known = {name: value for name, value in (("signature", call.signature), ("hints", dict(call.hints))) if value}
    return _sealed({"call": call.id, **known}) if known else ""


def of_summary(words: str) -> str:
    """A conversation's summary."""
    return _sealed({"summary": words})


def is_sealed(content: Any) -> bool:
    """Whether this was sealed here: no provider can read it."""
    return isinstance(content, str) and content.startswith(_MARK)


def opened(content: str) -> dict[str, Any] | None:
    """What was sealed here; None where another server did it."""
    if not content.startswith(_MARK):
        return None
    try:
        found = json.loads(b64decode(content.removeprefix(_MARK), validate=True))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def thought(proof: Mapping[str, Any]) -> Thinking:
    """The thought in a proof."""
    origin = reading.text(proof.get("origin"))
    return Thinking(
        text=reading.text(proof.get("text")),
        signature=reading.text(proof.get("signature")),
        origin=cast("Format", origin if origin in get_args(Format) else ""),
        redacted=proof.get("redacted") is True,
        id=reading.text(proof.get("id")),
    )


def _sealed(value: dict[str, Any]) -> str:
    return _MARK + b64encode(reading.dumps(value).encode()).decode()
