"""The HTTP problem for an error of the core: status, code, and retry time."""

from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.types import FaultKind, Refusal
from samplemind_cli.errors import (
    BudgetError,
    CutStreamError,
    ForbiddenError,
    NoProviderError,
    SamplemindError,
    SettingError,
    UnsupportedError,
    UsageError,
)
from samplemind_cli.formats.types import Problem

# A key that a provider refuses is this server's, not the client's: no 401, and no retry.
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
BILLING = "billing_error"  # the user's own budget: a retry is useless
BUSY = ("rate", "overloaded")
PAUSE = 1.0  # seconds until a retry, when the provider named no time


def problem(error: SamplemindError) -> Problem:
    """The problem for an error; of several providers' failures the last one counts."""
    cause = _cause(error)
    if isinstance(cause, TimeoutError):
        return Problem(504, error.message, "timeout")
    if isinstance(error, UsageError):
        ours = isinstance(error, SettingError)
        return Problem(500 if ours else 400, error.message, "misconfigured" if ours else "invalid_request")
    if permanent := _permanent(error):
        return permanent
    if isinstance(cause, UnavailableError | CutStreamError) and cause.fault:
        kind: FaultKind = cause.fault.kind
        status, code = _STATUS[kind]
        wait = cause.wait if isinstance(cause, UnavailableError) else cause.fault.wait
        return Problem(status, _message(error), code, wait=wait or PAUSE if kind in BUSY else None, kind=kind)
    if isinstance(error, NoProviderError | UnavailableError):
        return Problem(503, _message(error), "no_provider", wait=PAUSE)
    return Problem(502, error.message, "provider_error")


def refusal(error: SamplemindError) -> Refusal | None:
    """The response of the only provider that was called, unless it is about our key, not the client's."""
    cause = _cause(error)
    if not isinstance(cause, UnavailableError | CutStreamError) or not cause.fault or cause.fault.kind == "auth":
        return None
    routes = error.routes if isinstance(error, NoProviderError) else ()
    tried = [route for route in routes if route.outcome != "untried"]
    unauthorized = isinstance(cause.refusal, Refusal) and cause.refusal.status == 401  # noqa: PLR2004 - HTTP
    return cause.refusal if len(tried) <= 1 and not unauthorized else None


def _cause(error: SamplemindError) -> BaseException | None:
    return error if isinstance(error, UnavailableError | CutStreamError) else error.__cause__


def _permanent(error: SamplemindError) -> Problem | None:
    """The problem for a permanent refusal, for which a retry is useless."""
    if isinstance(error, UnsupportedError):
        return Problem(400, _message(error), "unsupported_parameter", param=min(error.lacks), kind="unsupported")
    if isinstance(error, ForbiddenError):
        return Problem(403, f"{error.message}; {error.hint}", "model_not_allowed", param="model")
    if isinstance(error, BudgetError):
        return Problem(429, error.message, BILLING)
    routes = error.routes if isinstance(error, NoProviderError) else ()
    if routes and all(route.outcome == "untried" for route in routes):
        return Problem(400, _message(error), "provider_not_configured", param="model")
    return None


def _message(error: SamplemindError) -> str:
    """The message without the commands for a person at a terminal."""
    routes = error.routes if isinstance(error, NoProviderError) else ()
    if len(routes) < 2:  # noqa: PLR2004 - one route is in one line already
        return error.message
    listed = "; ".join(f"{route.provider}: {route.skipped}" for route in routes)
    return f"no provider can answer: {listed}"
