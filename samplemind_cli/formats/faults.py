"""Errors of providers: the message wherever it stands, its kind by code, words or status, and no keys in it."""

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
# Where a message may stand; a later one counts where the earlier ones say nothing.
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
_DAY_LONG = 86_400.0  # seconds; who asks for more has miscounted

_LATER = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?(ms|s|seconds?))?", re.IGNORECASE
)


def fault(status: int, body: Any) -> Fault:
    """The fault in an error's body: by the provider's own code, else by its words, else by the status.

    A status below 400 is an error that came inside an answer.
    """
    found = _error(body)
    message = _message(body)
    told = _http_status(found, status)
    label = " ".join(text(found.get(name)) for name in ("type", "code", "status", "reason", "error_type")).lower()
    known = fault_kinds.kind(label, message, told, _details(body))
    kind = known or "server"
    wait = _wait(found, message) if kind in PASSING else None
    passing = status < 400 and known in PASSING  # noqa: PLR2004 - HTTP
    return Fault(kind, clean(message) or f"an error without a message (HTTP {told})", wait, passing, _param(found))


def _param(found: dict[str, Any]) -> str:
    """The field that an error names, in OpenAI's way."""
    return text(found.get("param"))[:MESSAGE_LIMIT]


def named(kind: FaultKind, message: str) -> Fault:
    """A fault of ours, in a provider's words."""
    return Fault(kind, clean(message))


def is_error(body: Any) -> bool:
    """Whether what came with a good status is an error all the same."""
    if isinstance(body, list):
        return bool(body) and is_error(body[0])
    found = mapping(body)
    if found.get("error") or found.get("object") == "error" or found.get("type") == "error":
        return True
    if found.get("error_msg") or mapping(found.get("base_resp")).get("status_code"):  # Baidu, MiniMax
        return True
    if found.get("msg") and (found.get("success") is False or found.get("code") not in (None, 0, 200)):  # GLM
        return True
    if found.keys() & {"choices", "candidates", "message", "content", "delta", "embeddings", "data"}:
        return isinstance(found.get("message"), str) and not found.keys() & {"choices", "candidates", "content", "data"}
    return bool(found.get("errors") or found.get("detail"))


def is_told(event: Any) -> bool:
    """Whether one event of a stream is an error: its wrapping says so, or there is nothing but a message and a code."""
    found = mapping(event)
    return is_error(event) or ("message" in found and isinstance(found["message"], str) and "code" in found)


def clean(message: str) -> str:
    """A provider's message on one line, of sane length, without anything that looks like a key."""
    line = " ".join(without_likely_keys(message[:READ]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def relabelled(found: Fault, kinds: Mapping[str, FaultKind]) -> Fault:
    """The fault with the kind of the first of these phrases that its message holds."""
    for phrase, kind in kinds.items():
        if phrase in found.message:
            return replace(found, kind=kind)
    return found


def _error(body: Any) -> dict[str, Any]:
    """The error object in a body: under "error" or "errors", in an array of one, the body itself; never a web page."""
    for _ in range(_DEPTH):
        if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
            body = _parsed(body)
        if isinstance(body, list):
            body = body[0] if body else None
        found = mapping(body)
        inner = found.get("error") or found.get("errors")
        if isinstance(inner, str) and inner.lstrip()[:1] not in ("{", "["):
            return {**found, "message": text(found.get("message")) or inner}
        if not inner:
            return found
        body = inner
    return {}


def _message(value: Any, depth: int = 0) -> str:
    """The innermost message in an error of whatever shape; each part of it is looked at once."""
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


def _of_object(found: dict[str, Any], depth: int) -> str:
    """A proxy's own words say less than those it wraps; FastAPI names the place of each mistake."""
    if raw := _message(mapping(found.get("metadata")).get("raw"), depth + 1):
        return raw
    for name in _MESSAGES:
        if told := _message(found.get(name), depth + 1):
            where = found.get("loc")
            field = ".".join(str(step) for step in where if step != "body") if isinstance(where, list) else ""
            return f"{field}: {told}" if field and name == "msg" else told
    return ""


def _parsed(words: str) -> Any:
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return None


def _http_status(found: dict[str, Any], status: int) -> int:
    """The status a body carries itself, which is the only one when the error comes inside an answer, else `status`."""
    for name in ("code", "status", "status_code", "http_status_code"):
        code = found.get(name)
        number = count(int(code) if isinstance(code, str) and code.isdecimal() and len(code) == 3 else code)  # noqa: PLR2004 - HTTP
        if number is not None and 400 <= number < 600:  # noqa: PLR2004 - HTTP's own classes
            return number
    return status


def _details(body: Any) -> str:
    """What an error says of limits: the names of Gemini's quotas, and Anthropic's word for a spent budget."""
    details = _error(body).get("details")
    violations = [mapping(item).get("violations") for item in details] if isinstance(details, list) else []
    quotas = [text(mapping(each).get("quotaId")) for items in violations if isinstance(items, list) for each in items]
    return " ".join([*quotas, *(word for word in ("enforced_spend_limit",) if word in str(body)[:READ])])


def _wait(found: dict[str, Any], message: str) -> float | None:
    """Seconds until another try may help: Gemini's RetryInfo, a number beside the message, or words in it."""
    details = found.get("details")
    for item in details if isinstance(details, list) else []:
        delay = mapping(item).get("retryDelay")
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return min(float(delay[:-1]), _DAY_LONG)
        if count(mapping(delay).get("seconds")) is not None:
            return min(float(mapping(delay)["seconds"]), _DAY_LONG)
    for holder in (found, mapping(found.get("metadata"))):
        given = holder.get("retry_after")
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return min(float(given), _DAY_LONG)
    said = _LATER.search(message)
    if not said or not any(said.groups()):
        return None
    hours, minutes, number, unit = said.groups()
    seconds = float(number or 0) / (1000 if unit == "ms" else 1)
    return min(int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds, _DAY_LONG)
