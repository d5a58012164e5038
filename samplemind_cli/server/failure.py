"""What an error of the core means to a client: its status, its code, and when to come back."""

from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.types import FaultKind
from samplemind_cli.errors import NoProviderError, SamplemindError, SettingError, UnsupportedError, UsageError
from samplemind_cli.server.message import Problem

# A key that a provider refuses is this server's, not the client's: to him that is a bad gateway.
_STATUS: dict[FaultKind, tuple[int, str]] = {
    "auth": (502, "provider_auth"),
    "credit": (429, "insufficient_quota"),
    "rate": (429, "rate_limit_exceeded"),
    "overloaded": (503, "overloaded"),
    "request": (400, "invalid_request"),
    "not_found": (404, "model_not_found"),
    "too_long": (400, "context_length_exceeded"),
    "address": (502, "provider_error"),
    "server": (502, "provider_error"),
}
# Where a request says what a provider may not take, if not in a field of that name.
_FIELDS = {"image": "messages", "audio": "messages", "schema": "response_format"}
BUSY = ("rate", "overloaded")
PAUSE = 1.0  # seconds until another try, when nobody named a time


def problem(error: SamplemindError) -> Problem:
    """The problem that an error is; of several providers' failures the last one counts."""
    cause = error if isinstance(error, UnavailableError) else error.__cause__
    if isinstance(cause, TimeoutError):
        return Problem(504, error.message, "timeout")
    if isinstance(error, UnsupportedError):
        name = min(error.lacks)
        return Problem(400, error.message, "unsupported_parameter", param=_FIELDS.get(name, name))
    if isinstance(error, UsageError):
        ours = isinstance(error, SettingError)
        return Problem(500 if ours else 400, error.message, "misconfigured" if ours else "invalid_request")
    if isinstance(cause, UnavailableError) and cause.fault:
        status, code = _STATUS[cause.fault.kind]
        wait = cause.wait or PAUSE if cause.fault.kind in BUSY else None
        return Problem(status, error.message, code, wait=wait)
    if isinstance(error, NoProviderError | UnavailableError):
        return Problem(503, error.message, "no_provider", wait=PAUSE)
    return Problem(502, error.message, "provider_error")
