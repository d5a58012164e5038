"""Classifies a provider's error: by its code, else by its message, else by the status."""

import re

from samplemind_cli.formats.types import FaultKind

READ = 4000  # characters of a message that are read: a provider may quote a whole prompt

_STATUS: dict[int, FaultKind] = {
    401: "auth",
    402: "credit",
    403: "auth",
    404: "not_found",
    405: "not_found",
    408: "server",
    409: "server",
    413: "too_long",
    429: "rate",
    503: "overloaded",
    529: "overloaded",  # Anthropic's own
}

# Words in an error's type, code or status, the specific ones first: a 429 for lack of credit must not count as a rate
# limit. (platform.openai.com/docs/guides/error-codes, docs/en/api/errors of Anthropic, google.rpc.Code, llama.cpp.)
_CODES: tuple[tuple[str, FaultKind], ...] = (
    ("insufficient_quota", "credit"),
    ("insufficient_balance", "credit"),
    ("credit_balance", "credit"),
    ("billing", "credit"),
    ("spend_limit", "credit"),
    ("usage_limit", "credit"),
    ("exceeded_current_quota", "credit"),
    ("arrear", "credit"),
    ("context_length_exceeded", "too_long"),
    ("string_above_max_length", "too_long"),
    ("exceed_context_size", "too_long"),
    ("request_too_large", "too_long"),
    ("model_not_found", "not_found"),
    ("model_not_available", "not_found"),
    ("invalid_model", "not_found"),
    ("decommissioned", "not_found"),
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
    ("server_error", "server"),
    ("api_error", "server"),
    ("timeout_error", "server"),
    ("internal", "server"),
    ("invalid_request_error", "request"),
    ("invalid_argument", "request"),
)

# Messages for a prompt that does not fit: Ollama "the input length exceeds the context length", llama.cpp "exceeds the
# available context size", OpenAI "maximum context length is", Anthropic "prompt is too long", Gemini "input token
# count (…) exceeds the maximum", xAI "maximum prompt length is", Together "`inputs` tokens + `max_new_tokens` must be",
# TGI "`inputs` must have less than", Groq and OpenAI "Request too large … Limit 6000, Requested 7000", Cohere "too many
# tokens", vLLM "longer than the maximum model length", Bedrock "Input is too long", Groq "reduce the length", Kimi
# "exceeded model token limit", Qwen "Range of input length should be", GLM "Prompt exceeds max length".
_TOO_LONG = re.compile(
    r"context[ _](length|size|window|limit)|(prompt|input|request|message)s? (is|are|was) too (long|large)"
    r"|token count .*exceeds|maximum (prompt|input|model|sequence) length|longer than the (maximum )?model"
    r"|inputs.{0,3} tokens \+ .*must be|inputs.{0,3} must have less than|must have less than \d+ tokens"
    r"|request too large|too many (input )?tokens|exceeds? the (maximum|model'?s) .{0,40}(tokens|length)"
    r"|reduce (the|your) (length|prompt|messages)|tokens must be reduced|exceeds the (token|input) limit"
    r"|model('?s)? token limit|range of input length|(prompt|input|request)( length)? exceeds? (the )?max|超长",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"(do(es)? not|doesn't|don't|cannot|can't|not) (currently )?support(s|ed)?\b.{0,40}\b(tool|function|image"
    r"|vision|audio|multimodal|chat|system|thinking|reasoning|embedding|json|schema|generate|response_format|stream)"
    r"|\b(tool|function call|image|vision|audio|chat|thinking|schema|embedding|response_format)\w*\b.{0,60}"
    r"\b((is|are) not|isn't|aren't|not) (currently )?(supported|enabled|available)"
    r"|no endpoints found that support|not a chat model|has no vision|tool choice requires --enable"
    r"|only (supported|available) (in|with|through|via)|not supported (in|with|by) the (responses|chat completions) "
    r"|missing required parameter: .?messages"
    r"|\bmessages\W{0,3}(field required|(is|are) (a )?(required|missing)|(can ?not|must not) be empty)",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"credit balance is too low|usage blocked due to|reached your specified .*usage limits|prepayment credits"
    r"|spending cap|insufficient (credit|balance|fund)|payment required|account is in good standing",
    re.IGNORECASE,
)
_NO_ENTRY = re.compile(
    r"api key (not valid|expired|is invalid)|api_key_invalid|(invalid|incorrect) api key", re.IGNORECASE
)
# LM Studio, Mistral, OpenRouter, xAI, DeepSeek, Together, which use a 400 for it.
_NO_MODEL = re.compile(
    r"no models? (is |are )?loaded|invalid model\b|not a valid model|unknown model\b|model not exist"
    r"|unable to access model"
    r"|model .{0,80}(does not exist|not found|(decommissioned|retired|deprecated) and)|no such model",
    re.IGNORECASE,
)
_DAY = re.compile(r"per[ _-]?day|\((r|t)pd\)|daily (limit|quota)|per month|monthly", re.IGNORECASE)
_BUSY = re.compile(
    r"overloaded|(at|over|exceeded) (max(imum)? )?capacity|(too|server|currently) busy"
    r"|(temporarily|service) unavailable|maximum pending requests|high demand|insufficient capacity"
    r"|no (available )?(capacity|slots?) available",
    re.IGNORECASE,
)


def kind(label: str, message: str, status: int, details: str) -> FaultKind | None:
    """The kind of an error, by its codes (`label`), message and status; None if it is unknown.

    `details`: what it says about limits and quotas.
    """
    words = message[:READ]
    coded = next((known for word, known in _CODES if word in label), None)
    if coded in ("request", "server") and status in _STATUS:  # the status is more specific
        coded = _STATUS[status]
    elif coded == "server" and 400 <= status < 500:  # noqa: PLR2004 - HTTP
        coded = None
    by_message = _by_message(coded, words, status)
    if coded == "credit" or "enforced_spend_limit" in details:
        by_message = "credit"
    if by_message == "rate" and (_DAY.search(words) or _DAY.search(details)):
        by_message = "quota"
    by_class: dict[int, FaultKind] = {4: "request", 5: "server"}
    return by_message or coded or _STATUS.get(status) or by_class.get(status // 100)


def _by_message(coded: FaultKind | None, words: str, status: int) -> FaultKind | None:
    """The kind of an error by its message, unless that contradicts its code."""
    vague = coded in (None, "request")
    tests: tuple[tuple[bool, re.Pattern[str] | None, FaultKind], ...] = (
        (True, _NO_CREDIT, "credit"),
        (True, _TOO_LONG, "too_long"),
        (coded == "rate" or (coded is None and status == 429), None, "rate"),  # noqa: PLR2004 - HTTP
        (vague, _NO_ENTRY, "auth"),
        (vague and status < 500, _NO_MODEL, "not_found"),  # noqa: PLR2004 - HTTP
        ((vague or coded == "not_found") and status < 500, _UNSUPPORTED, "unsupported"),  # noqa: PLR2004 - HTTP
        (coded is None and status not in (401, 403), _BUSY, "overloaded"),
    )
    return next((known for open_, pattern, known in tests if open_ and (not pattern or pattern.search(words))), None)
