"""Reads providers' errors: the message from any place in the body, the kind by code, message or status; no keys."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import fault_kinds
from samplemind_cli.formats.fault_kinds import READ
from samplemind_cli.formats.likely_keys import without_likely_keys
from samplemind_cli.formats.reading import count, mapping, text
from samplemind_cli.formats.types import PASSING, Fault, FaultKind

MESSAGE_LIMIT = 500
_DEPTH = 6
# Fields that may hold a message, in order of precedence.
_MESSAGES: tuple[str, ...] = (
    "error",
    "errors",
    "message",
    "Message",
    "detail",
    "msg",
    "error_description",
    "description",
    "title",
)
_MESSAGES += ("reason", "error_msg", "status_msg", "base_resp")
_DAY_LONG = 86_400.0  # seconds; a longer wait is taken for a mistake

_LATER = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?(ms|s|seconds?))?", re.IGNORECASE
)


def fault(status: int, body: Any) -> Fault:
    """The fault in an error's body: by the provider's own code, else by its message, else by the status.

    A status below 400 is an error that came inside an answer.
    """
    error = _error(body)
    message = _message(body)
    http_status = _http_status(error, status)
    label = " ".join(text(error.get(name)) for name in ("type", "code", "status", "reason", "error_type")).lower()
    known = fault_kinds.kind(label, message, http_status, _details(body))
    kind = known or "server"
    wait = _wait(error, message) if kind in PASSING else None
    passing = status < 400 and known in PASSING  # noqa: PLR2004 - HTTP
    param = text(error.get("param"))[:MESSAGE_LIMIT]  # as OpenAI names the field
    return Fault(kind, clean(message) or f"an error without a message (HTTP {http_status})", wait, passing, param)


def named(kind: FaultKind, message: str) -> Fault:
    """A fault with a known kind and a provider's message."""
    return Fault(kind, clean(message))


def is_error(body: Any) -> bool:
    """Whether a body with a status of success is an error."""
    if isinstance(body, list):
        return bool(body) and is_error(body[0])
    fields = mapping(body)
    if fields.get("error") or fields.get("object") == "error" or fields.get("type") == "error":
        return True
    if fields.get("error_msg") or mapping(fields.get("base_resp")).get("status_code"):  # Baidu, MiniMax
        return True
    if fields.get("msg") and (fields.get("success") is False or fields.get("code") not in (None, 0, 200)):  # GLM
        return True
    if fields.keys() & {"choices", "candidates", "message", "content", "delta", "embeddings", "data"}:
        answered = fields.keys() & {"choices", "candidates", "content", "data"}
        return isinstance(fields.get("message"), str) and not answered
    return bool(fields.get("errors") or fields.get("detail"))


def is_error_event(event: Any) -> bool:
    """Whether an event of a stream is an error: by its shape, or because it has only a message and a code."""
    fields = mapping(event)
    return is_error(event) or ("message" in fields and isinstance(fields["message"], str) and "code" in fields)


def clean(message: str) -> str:
    """A provider's message on one line, of limited length, without anything that looks like a key."""
    line = " ".join(without_likely_keys(message[:READ]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def relabelled(fault: Fault, kinds: Mapping[str, FaultKind]) -> Fault:
    """The fault with the kind of the first of these phrases in its message."""
    for phrase, kind in kinds.items():
        if phrase in fault.message:
            return replace(fault, kind=kind)
    return fault


def _error(body: Any) -> dict[str, Any]:
    """The error object in a body: under "error" or "errors", in an array of one, the body itself; never a web page."""
    for _ in range(_DEPTH):
        if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
            body = _parsed(body)
        if isinstance(body, list):
            body = body[0] if body else None
        fields = mapping(body)
        inner = fields.get("error") or fields.get("errors")
        if isinstance(inner, str) and inner.lstrip()[:1] not in ("{", "["):
            return {**fields, "message": text(fields.get("message")) or inner}
        if not inner:
            return fields
        body = inner
    return {}


def _message(value: Any, depth: int = 0) -> str:
    """The innermost message in an error of any shape."""
    if depth > _DEPTH or not value:
        return ""
    if isinstance(value, str):
        return _of_text(value.strip(), depth)
    if isinstance(value, list):
        return "; ".join(filter(None, (_message(item, depth + 1) for item in value[:3])))
    return _of_object(mapping(value), depth)


def _of_text(words: str, depth: int) -> str:
    if words[:1] in ("{", "["):
        return _message(_parsed(words), depth + 1) or words
    return "" if words.startswith("<") else words


def _of_object(fields: dict[str, Any], depth: int) -> str:
    """The message in an object: a proxy's wrapped one before its own, and FastAPI's with its field."""
    if raw := _message(mapping(fields.get("metadata")).get("raw"), depth + 1):
        return raw
    for name in _MESSAGES:
        if message := _message(fields.get(name), depth + 1):
            where = fields.get("loc")
            field = ".".join(str(step) for step in where if step != "body") if isinstance(where, list) else ""
            return f"{field}: {message}" if field and name == "msg" else message
    return ""


def _parsed(words: str) -> Any:
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return None


def _http_status(error: dict[str, Any], status: int) -> int:
    """The status in the body, which is the only one if the error came inside an answer; else `status`."""
    for name in ("code", "status", "status_code", "http_status_code"):
        code = error.get(name)
        number = count(int(code) if isinstance(code, str) and code.isdecimal() and len(code) == 3 else code)  # noqa: PLR2004 - HTTP
        if number is not None and 400 <= number < 600:  # noqa: PLR2004 - HTTP's own classes
            return number
    return status


def _details(body: Any) -> str:
    """What an error says about limits: the names of Gemini's quotas, and Anthropic's code for a spend limit."""
    details = _error(body).get("details")
    violations = [mapping(item).get("violations") for item in details] if isinstance(details, list) else []
    quotas = [text(mapping(each).get("quotaId")) for items in violations if isinstance(items, list) for each in items]
    return " ".join([*quotas, *(word for word in ("enforced_spend_limit",) if word in str(body)[:READ])])


def _wait(error: dict[str, Any], message: str) -> float | None:
    """Seconds until a retry may help: Gemini's RetryInfo, a number beside the message, or a phrase in it."""
    details = error.get("details")
    for item in details if isinstance(details, list) else []:
        delay = mapping(item).get("retryDelay")
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return min(float(delay[:-1]), _DAY_LONG)
        if count(mapping(delay).get("seconds")) is not None:
            return min(float(mapping(delay)["seconds"]), _DAY_LONG)
    for holder in (error, mapping(error.get("metadata"))):
        given = holder.get("retry_after")
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return min(float(given), _DAY_LONG)
    match = _LATER.search(message)
    if not match or not any(match.groups()):
        return None
    hours, minutes, number, unit = match.groups()
    seconds = float(number or 0) / (1000 if unit == "ms" else 1)
    return min(int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds, _DAY_LONG)
