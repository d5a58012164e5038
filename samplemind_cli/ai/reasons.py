"""Why a provider was skipped or failed, as text, and the command that fixes it."""

import asyncio
from dataclasses import replace
from typing import Literal

from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.router import base_url_variable, broken, key_variable, shown
from samplemind_cli.ai.types import Fault, Provider, Route
from samplemind_cli.errors import (
    BudgetError,
    CutStreamError,
    NoProviderError,
    ProviderError,
    SamplemindError,
    SettingError,
    UnsupportedError,
)
from samplemind_cli.providers import Row

_FIXES = {
    "credit": "add credit to your account there",
    "rate": "wait a moment, or choose another --provider",
    "overloaded": "wait a moment, or choose another --provider",
    "quota": "wait until the quota is renewed, or choose another --provider",
    "unsupported": "choose another --model",
    "server": "ask again, or choose another --provider",
    "too_long": "shorten the prompt, or choose a --model with a longer context",
    "request": "samplemind ask --help",
}
_OLLAMA = {
    "not_found": "samplemind pull-models",
    "server": "ask again; a model that hangs is freed by: ollama stop",  # 0.17.4 hangs after clients that disconnected
}


def passed_over(route: Route, error: ProviderError | SettingError, row: Row) -> Route:
    """A failed route, with the reason and the fix; `row` is its provider's."""
    if isinstance(error, SettingError):
        return broken(route, error)
    if not isinstance(error, UnavailableError):
        why = error.message.removeprefix(f"{route.provider}: ")
        return replace(route, skipped=why, fix=error.hint or "", outcome="failed")
    why = f"nothing listens at {shown(route.endpoint.base_url)}" if error.refused else error.message
    outcome: Literal["refused", "failed"] = "refused" if error.refused else "failed"
    return replace(route, skipped=why, fix=error.hint or _fix(route, error.fault, row), outcome=outcome)


def _fix(route: Route, fault: Fault | None, row: Row) -> str:
    if fault is None:
        return _way_there(row)
    if fault.kind == "auth" and row.key_variables:
        return f"export {key_variable(row)}=…"
    if fault.kind in ("address", "auth"):  # a provider that needs no key may be behind a proxy that does
        return _way_to(row)
    if row.name == Provider.OLLAMA and fault.kind in _OLLAMA:
        return f"{_OLLAMA[fault.kind]} {route.endpoint.model}"
    if fault.kind != "not_found":
        return _FIXES[fault.kind]
    public = route.endpoint.base_url == row.url  # elsewhere the path may be wrong
    return "choose another --model" + ("" if public else f", or check {base_url_variable(row)}")


def _way_there(row: Row) -> str:
    """The fix where no server was reached."""
    if row.name == Provider.OLLAMA:
        return "samplemind up ollama"
    return _way_to(row)


def _way_to(row: Row) -> str:
    if row.name == Provider.EMBEDDED:  # its engine exited
        return _FIXES["server"]
    return f"check the network and {base_url_variable(row)}"


def nobody(routes: list[Route]) -> ProviderError:
    """The error when every route failed: for each provider the reason and the fix."""
    first = routes[0]
    if len(routes) == 1:
        why = f"{first.provider} ({first.endpoint.model}): {first.skipped}"
    else:
        width = max(len(route.provider) for route in routes)
        lines = [f"\n  {route.provider:<{width}}  {route.skipped}: {route.fix}" for route in routes]
        why = "no provider can answer" + "".join(lines)
    if first.lacks and all(route.outcome == "untried" for route in routes):
        return UnsupportedError(why, first.fix, tuple(routes), first.lacks)
    return NoProviderError(why, first.fix, tuple(routes))


def kind(error: BaseException) -> str:
    """The kind of a failure: a `FaultKind`, or "refused", "unreachable", "timeout", "cut" and so on."""
    cause = error if isinstance(error, UnavailableError) else error.__cause__
    if isinstance(cause, UnavailableError):
        return cause.fault.kind if cause.fault else "refused" if cause.refused else "unreachable"
    if isinstance(cause, TimeoutError):
        return "timeout"
    words: dict[type[BaseException] | tuple[type[BaseException], ...], str] = {
        BudgetError: "budget",
        CutStreamError: "cut",
        UnsupportedError: "unsupported",
        SamplemindError: "failed",
        (asyncio.CancelledError, GeneratorExit): "cancelled",
    }
    return next((word for kinds, word in words.items() if isinstance(error, kinds)), "bug")
