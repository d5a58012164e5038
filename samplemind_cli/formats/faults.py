"""Errors of providers: the message wherever it stands, its kind by code, words or status, and no keys in it."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samplemind_cli.formats.reading import count, mapping, text
from samplemind_cli.formats.types import Fault, FaultKind

MESSAGE_LIMIT = 500
_READ = 4000  # characters of a message that are looked at: a provider may quote a whole prompt back
_DEPTH = 6

_STATUS: dict[int, FaultKind] = {
    401: "auth",
    402: "credit",
    403: "auth",
    404: "not_found",
    408: "server",
    409: "server",
    413: "too_long",
    429: "rate",
    503: "overloaded",
    529: "overloaded",  # Anthropic's own
}

# Words in an error's type, code or status, the telling ones first: a 429 without credit must not look like a full
# minute. (platform.openai.com/docs/guides/error-codes, docs/en/api/errors of Anthropic, google.rpc.Code, llama.cpp.)
_CODES: tuple[tuple[str, FaultKind], ...] = (
    ("insufficient_quota", "credit"),
    ("insufficient_balance", "credit"),
    ("credit_balance", "credit"),
    ("billing", "credit"),
    ("spend_limit", "credit"),
    ("usage_limit", "credit"),
    ("context_length_exceeded", "too_long"),
    ("string_above_max_length", "too_long"),
    ("exceed_context_size", "too_long"),
    ("request_too_large", "too_long"),
    ("model_not_found", "not_found"),
    ("not_found_error", "not_found"),
    ("invalid_api_key", "auth"),
    ("authentication_error", "auth"),
    ("permission_error", "auth"),
    ("unauthenticated", "auth"),
    ("permission_denied", "auth"),
    ("rate_limit", "rate"),
    ("resource_exhausted", "rate"),
    ("overloaded", "overloaded"),
    ("unavailable", "overloaded"),
    ("invalid_request_error", "request"),
    ("invalid_argument", "request"),
)

# How they say that a prompt does not fit: Ollama "the input length exceeds the context length", llama.cpp "exceeds the
# available context size", OpenAI "maximum context length is", Anthropic "prompt is too long", Gemini "input token
# count (…) exceeds the maximum", xAI "maximum prompt length is", Together "`inputs` tokens + `max_new_tokens` must be",
# TGI "`inputs` must have less than", Groq and OpenAI "Request too large … Limit 6000, Requested 7000", Cohere "too many
# tokens", vLLM "longer than the maximum model length", Bedrock "Input is too long", Groq "reduce the length".
_TOO_LONG = re.compile(
    r"context[ _](length|size|window|limit)|(prompt|input|request|message)s? (is|are|was) too (long|large)"
    r"|token count .*exceeds|maximum (prompt|input|model|sequence) length|longer than the (maximum )?model"
    r"|inputs.{0,3} tokens \+ .*must be|inputs.{0,3} must have less than|must have less than \d+ tokens"
    r"|request too large|too many (input )?tokens|exceeds? the (maximum|model'?s) .{0,40}(tokens|length)"
    r"|reduce (the|your) (length|prompt|messages)|tokens must be reduced|exceeds the (token|input) limit",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"(do(es)? not|doesn't|don't|cannot|can't|not) (currently )?support(s|ed)?\b.{0,40}\b(tool|function|image"
    r"|vision|audio|multimodal|chat|system|thinking|reasoning|embedding|json|schema|generate|response_format|stream)"
    r"|\b(tool|function call|image|vision|audio|chat|thinking|schema|embedding|response_format)\w*\b.{0,60}"
    r"\b((is|are) not|isn't|aren't|not) (currently )?(supported|enabled|available)"
    r"|no endpoints found that support|not a chat model|has no vision",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"credit balance is too low|usage blocked due to|reached your specified .*usage limits|prepayment credits"
    r"|spending cap|insufficient (credit|balance|fund)|payment required",
    re.IGNORECASE,
)
_NO_ENTRY = re.compile(
    r"api key (not valid|expired|is invalid)|api_key_invalid|(invalid|incorrect) api key", re.IGNORECASE
)
_DAY = re.compile(r"per day|\((r|t)pd\)|per_day|perday|daily (limit|quota)|per month|monthly", re.IGNORECASE)
_BUSY = re.compile(r"overloaded|at capacity|too busy|over capacity|temporarily unavailable", re.IGNORECASE)
_LATER = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?(ms|s|seconds?))?", re.IGNORECASE
)

# Keys as providers echo them: whole, masked with asterisks, after "API key…:" or "Bearer", or in a query.
_KEY = re.compile(
    r"\b(?:sk|rk|pk|gsk|xai|hf|r8|pplx|csk|nvapi|fw|tgp_v1|sm)[-_][\w*.-]{6,}|\bAIza[\w*-]+|\bAQ\.[\w*.-]+"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<![^\s\"'/])[^\s\"'/]*\*{3,}[^\s\"']*|(?<=bearer )\S+|(?<=basic )[\w+/=]{8,}|(?<=[?&]key=)[^\s&\"']+"
    r"|(?<=[?&]api_key=)[^\s&\"']+|(?:(?<=api key: )|(?<=api key provided: ))\S+|(?:(?<=token: )|(?<=key: ))\S{8,}",
    re.IGNORECASE,
)


def fault(status: int, body: Any) -> Fault:
    """The fault in an error's body: by the provider's own code, else by its words, else by the status.

    A status below 400 is an error that came inside an answer.
    """
    found = _error(body)
    message = _message(body)
    told = _http_status(found, status)
    label = " ".join(text(found.get(name)) for name in ("type", "code", "status", "reason", "error_type")).lower()
    kind = _kind(label, message, told, body)
    wait = _wait(found, message) if kind in ("rate", "overloaded", "server") else None
    return Fault(kind, clean(message) or f"an error without a message (HTTP {told})", wait)


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
    if found.keys() & {"choices", "candidates", "message", "content", "delta", "embeddings", "data"}:
        return isinstance(found.get("message"), str) and not found.keys() & {"choices", "candidates", "content", "data"}
    return bool(found.get("errors") or found.get("detail"))


def is_told(event: Any) -> bool:
    """Whether one event of a stream is an error: its wrapping says so, or there is nothing but a message and a code."""
    found = mapping(event)
    return is_error(event) or ("message" in found and isinstance(found["message"], str) and "code" in found)


def clean(message: str) -> str:
    """A provider's message on one line, of sane length, without anything that looks like a key."""
    line = " ".join(without_likely_keys(message[:_READ]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def without_likely_keys(words: str) -> str:
    """A text without anything that looks like a key."""
    return _KEY.sub("[key]", words)


def relabelled(found: Fault, kinds: Mapping[str, FaultKind]) -> Fault:
    """The fault with the kind of the first of these phrases that its message holds."""
    for phrase, kind in kinds.items():
        if phrase in found.message:
            return replace(found, kind=kind)
    return found


def _kind(label: str, message: str, status: int, body: Any) -> FaultKind:
    words = message[:_READ]
    coded = next((kind for word, kind in _CODES if word in label), None)
    if coded == "request" and status in _STATUS:
        coded = _STATUS[status]
    told = _told_kind(coded, words, status)
    if coded == "credit" or "enforced_spend_limit" in str(body)[:_READ]:
        told = "credit"
    if told == "rate" and (_DAY.search(words) or _DAY.search(_quota(body))):
        told = "quota"
    return told or coded or _STATUS.get(status) or ("request" if 400 <= status < 500 else "server")  # noqa: PLR2004 - HTTP


def _told_kind(coded: FaultKind | None, words: str, status: int) -> FaultKind | None:
    """What an error's words say of it, as far as its code leaves room."""
    vague = coded in (None, "request")
    tests: tuple[tuple[bool, re.Pattern[str] | None, FaultKind], ...] = (
        (True, _NO_CREDIT, "credit"),
        (True, _TOO_LONG, "too_long"),
        (coded == "rate" or (coded is None and status == 429), None, "rate"),  # noqa: PLR2004 - HTTP
        (vague, _NO_ENTRY, "auth"),
        ((vague or coded == "not_found") and status < 500, _UNSUPPORTED, "unsupported"),  # noqa: PLR2004 - HTTP
        (coded is None and status not in (401, 403), _BUSY, "overloaded"),
    )
    return next((kind for open_, pattern, kind in tests if open_ and (not pattern or pattern.search(words))), None)


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
    for name in ("error", "errors", "message", "detail", "msg", "error_description", "description", "title", "reason"):
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
    for name in ("code", "status", "status_code"):
        code = found.get(name)
        number = count(int(code) if isinstance(code, str) and code.isdecimal() and len(code) == 3 else code)  # noqa: PLR2004 - HTTP
        if number is not None and 400 <= number < 600:  # noqa: PLR2004 - HTTP's own classes
            return number
    return status


def _details(body: Any) -> list[dict[str, Any]]:
    details = _error(body).get("details")
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _quota(body: Any) -> str:
    """The names of Gemini's quotas that were exceeded."""
    violations = [item.get("violations") for item in _details(body)]
    return " ".join(
        text(mapping(each).get("quotaId")) for items in violations if isinstance(items, list) for each in items
    )


def _wait(found: dict[str, Any], message: str) -> float | None:
    """Seconds until another try may help: Gemini's RetryInfo, a number beside the message, or words in it."""
    details = found.get("details")
    for item in details if isinstance(details, list) else []:
        delay = mapping(item).get("retryDelay")
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
        if count(mapping(delay).get("seconds")) is not None:
            return float(mapping(delay)["seconds"])
    for holder in (found, mapping(found.get("metadata"))):
        given = holder.get("retry_after")
        if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < 86_400:  # noqa: PLR2004 - a day
            return float(given)
    said = _LATER.search(message)
    if not said or not any(said.groups()):
        return None
    hours, minutes, number, unit = said.groups()
    seconds = float(number or 0) / (1000 if unit == "ms" else 1)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
