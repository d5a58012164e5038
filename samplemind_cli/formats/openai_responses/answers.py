"""Writes response objects, which also repeat the request's fields, as clients expect."""

import time
from typing import Any

import orjson

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses.item_maker import ItemMaker, items
from samplemind_cli.formats.openai_responses.output import Item
from samplemind_cli.formats.openai_responses.tools import offered
from samplemind_cli.formats.types import Answer, FaultKind, Problem, Usage

_CUT = {"length": "max_output_tokens", "filtered": "content_filter", "refusal": "content_filter"}
# The fields of a request that are repeated, with OpenAI's defaults.
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
_REPEATED = (*_ECHOED, "prompt_cache_key", "safety_identifier", "user")
# The codes of a failure inside a stream: Codex and OpenAI's clients retry on any other.
_CODES: dict[FaultKind, str] = {
    "auth": "invalid_prompt",
    "credit": "insufficient_quota",
    "quota": "insufficient_quota",
    "rate": "rate_limit_exceeded",
    "overloaded": "server_is_overloaded",
    "request": "invalid_prompt",
    "unsupported": "invalid_prompt",
    "not_found": "invalid_prompt",
    "too_long": "context_length_exceeded",
}
_STATUS = {400: "invalid_prompt", 403: "invalid_prompt", 404: "invalid_prompt"}
_STATUS |= {429: "rate_limit_exceeded", 503: "server_is_overloaded"}


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A response; its ids contain `number`."""
    status, details = ending(answer, refused=bool(answer.text))
    output = items(answer, ItemMaker(number, offered(fields)))
    body = head(number, f"{answer.provider}/{answer.model}", fields)
    return orjson.dumps(body | ended(status, details, whole_items(output, status), answer.usage))


def head(number: str, model: str, fields: Fields) -> dict[str, Any]:
    """The beginning of a response."""
    given = {name: value for name in _REPEATED if (value := fields.raw.get(name)) is not None}
    repeated: dict[str, Any] = {**_ECHOED, **given}
    repeated["text"] = {**_ECHOED["text"], **repeated["text"]}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        # Encoded once, as a stream repeats all of it several times.
        **{name: orjson.Fragment(_written(value)) for name, value in repeated.items()},
    }


def _written(value: Any) -> bytes:
    """A value as JSON, also with integers beyond 64 bits."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return reading.dumps(value).encode()


def ended(status: str, details: dict[str, Any] | None, output: list[Any], usage: Usage) -> dict[str, Any]:
    """The fields that are added at the end of a response."""
    finished = {"completed_at": int(time.time())} if status == "completed" else {}
    return {"status": status, "incomplete_details": details, "output": output, "usage": counted(usage), **finished}


def whole_items(output: list[Item], status: str) -> list[dict[str, Any]]:
    """The items; only the last one has the answer's own status."""
    return [item.whole(status if item is output[-1] else "completed") for item in output]


def ending(answer: Answer, *, refused: bool) -> tuple[str, dict[str, Any] | None]:
    """The status of a whole response, and why it is incomplete. `refused`: its text is the refusal, and complete."""
    reason = None if answer.finish_reason == "refusal" and refused else _CUT.get(answer.finish_reason)
    return ("incomplete", {"reason": reason}) if reason else ("completed", None)


def failure(problem: Problem) -> dict[str, Any]:
    """The fields of a failed response. Codex reads the wait from the message of an exceeded limit."""
    known = {code: code for code in (*_CODES.values(), "server_error")} | {"billing_error": "insufficient_quota"}
    code = _CODES.get(problem.kind, "") if problem.kind else known.get(problem.code, "")
    code = code or _STATUS.get(problem.status, "server_error")
    message = problem.message
    if code == "rate_limit_exceeded" and problem.wait and "try again in" not in message.lower():
        message += f". Please try again in {problem.wait:g}s."
    return {"status": "failed", "error": {"code": code, "message": message}}


def counted(usage: Usage) -> dict[str, Any]:
    """The usage; unknown counts are 0, as the clients' types require a number."""
    input_tokens, output_tokens = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": input_tokens + output_tokens,
    }
