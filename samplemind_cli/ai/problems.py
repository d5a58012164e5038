"""What an error of the core means to a client: its status, its code, and when to come back."""

from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.types import FaultKind
from samplemind_cli.errors import (
    BudgetError,
    ForbiddenError,
    NoProviderError,
    SamplemindError,
    SettingError,
    UnsupportedError,
    UsageError,
)
from samplemind_cli.formats.types import NO_TOKENS, Problem

# A key that a provider refuses is this server's, not the client's: no 401, and nothing that is tried again.
_STATUS: dict[FaultKind, tuple[int, str]] = {
    "auth": (403, "provider_auth"),
    "credit": (429, "insufficient_quota"),
    "quota": (429, "insufficient_quota"),
    "unsupported": (400, "unsupported_parameter"),
    "rate": (429, "rate_limit_exceeded"),
    "overloaded": (503, "overloaded"),
    "request": (400, "invalid_request"),
    "not_found": (404, "model_not_found"),
    "too_long": (400, "context_length_exceeded"),
    "address": (502, "provider_error"),
    "server": (502, "provider_error"),
}
# Where a request says what a provider may not take, if not in a field of that name.
_FIELDS = dict.fromkeys(("image", "audio", "file", "image_url", "file_url", "file_id"), "messages")
_FIELDS |= {"schema": "response_format", "effort": "reasoning_effort", NO_TOKENS: "max_tokens"}
BILLING = "billing_error"  # a budget of the user's own: it is of no use to try again
BUSY = ("rate", "overloaded")
PAUSE = 1.0  # seconds until another try, when nobody named a time


def problem(error: SamplemindError) -> Problem:
    """The problem that an error is; of several providers' failures the last one counts."""
    cause = error if isinstance(error, UnavailableError) else error.__cause__
    if isinstance(cause, TimeoutError):
        return Problem(504, error.message, "timeout")
    if isinstance(error, UsageError):
        ours = isinstance(error, SettingError)
        return Problem(500 if ours else 400, error.message, "misconfigured" if ours else "invalid_request")
    if permanent := _permanent(error):
        return permanent
    if isinstance(cause, UnavailableError) and cause.fault:
        status, code = _STATUS[cause.fault.kind]
        wait = cause.wait or PAUSE if cause.fault.kind in BUSY else None
        return Problem(status, _told(error), code, wait=wait)
    if isinstance(error, NoProviderError | UnavailableError):
        return Problem(503, _told(error), "no_provider", wait=PAUSE)
    return Problem(502, error.message, "provider_error")


def _permanent(error: SamplemindError) -> Problem | None:
    """A refusal that would be the same for ever: nothing a client gains by trying again."""
    if isinstance(error, UnsupportedError):
        name = min(error.lacks)
        return Problem(400, _told(error), "unsupported_parameter", param=_FIELDS.get(name, name))
    if isinstance(error, ForbiddenError):
        return Problem(403, f"{error.message}; {error.hint}", "model_not_allowed", param="model")
    if isinstance(error, BudgetError):
        return Problem(429, error.message, BILLING)
    routes = error.routes if isinstance(error, NoProviderError) else ()
    if routes and all(route.outcome == "untried" for route in routes):
        return Problem(400, _told(error), "provider_not_configured", param="model")
    return None


def _told(error: SamplemindError) -> str:
    """The message without the commands that it holds for a person at a terminal."""
    routes = error.routes if isinstance(error, NoProviderError) else ()
    if len(routes) < 2:  # noqa: PLR2004 - one route is told in one line already
        return error.message
    listed = "; ".join(f"{route.provider}: {route.skipped}" for route in routes)
    return f"no provider can answer: {listed}"
