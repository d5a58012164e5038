"""Reads what is not an answer: errors, redirects, HTML pages."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from samplemind_cli.ai.limits import retry_after
from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.router import shown
from samplemind_cli.ai.streams import Decoder
from samplemind_cli.ai.types import PASSING, Call, Fault, FaultKind, FaultReader, Refusal
from samplemind_cli.errors import CutStreamError, ProviderError

RETRIED = frozenset({408, 409, 429, 529})  # and every 5xx
NO_SUCH_PATH = (404, 405, 501)
TOO_LATE = (408, 504, 524)  # of a gateway that waited for the answer no longer: it may come all the same
_TRYING_AGAIN = ("retry-after", "retry-after-ms", "x-should-retry")
LONGEST = 200  # characters of an address that are reported


def place(url: str) -> str:
    """Host and port of a URL."""
    return urlsplit(shown(url)).netloc


def refused(
    call: Call, status: int, headers: Mapping[str, str], body: bytes, read_fault: FaultReader | None
) -> UnavailableError:
    """The error for a status from 300 on; `body` may be truncated."""
    if status < 400:  # noqa: PLR2004 - HTTP
        return _elsewhere(call, f"redirects (HTTP {status}){_target(call.url, headers)}")
    refusal = None
    try:
        said = _said(headers, body)
        refusal = Refusal(said, status, _about_trying_again(headers))
    except ValueError:
        if status in NO_SUCH_PATH:  # for an unknown model a provider answers with JSON
            return _elsewhere(call, f"has nothing at {urlsplit(call.url).path} (HTTP {status})")
        said = body.decode("utf-8", "replace")
    fault = (read_fault or _read_fault)(status, said)
    again = (status in RETRIED or status >= 500) and fault.kind in PASSING  # noqa: PLR2004 - HTTP
    again = again and headers.get("x-should-retry") != "false"
    return unavailable(fault, headers, again=again, may_cost=status in TOO_LATE, refusal=refusal)


def unavailable(
    fault: Fault, headers: Mapping[str, str], *, again: bool, may_cost: bool, refusal: Refusal | None = None
) -> UnavailableError:
    """The error for a fault; the longer of the waits in the headers and in the error counts."""
    waits = [wait for wait in (retry_after(headers), fault.wait) if wait is not None]
    wait = max(waits, default=None)
    return UnavailableError(fault.message, fault=fault, again=again, may_cost=may_cost, wait=wait, refusal=refusal)


def broken_off(fault: Fault, provider: str, event: Any, *, begun: bool) -> ProviderError:
    """The error for an error inside a stream: before the first token a fallback is possible, after it not."""
    if begun:
        message = f"{provider} broke off: {fault.message}"
        return CutStreamError(message, "ask again", fault=fault, refusal=Refusal(event))
    return UnavailableError(fault.message, fault=fault, wait=fault.wait, refusal=Refusal(event))


def not_json(call: Call, status: int, kind: str, *, whole: bool) -> ProviderError:
    """The error for a body of the content type `kind` that is not JSON; `whole`: no part of it was."""
    kind = kind.partition(";")[0].strip()
    if not whole or any(name in kind.lower() for name in ("json", "event-stream")):
        return CutStreamError(f"{place(call.url)} sent something that is not JSON", "ask again")
    return _elsewhere(call, f"answers with {kind[:LONGEST] or 'no content type'} instead of JSON (HTTP {status})")


def empty(call: Call, status: int) -> UnavailableError:
    """The error for an empty body."""
    return _elsewhere(call, f"answers with nothing instead of JSON (HTTP {status})")


def endless(call: Call, limit: int) -> CutStreamError:
    """The error for an answer of more than `limit` bytes."""
    message = f"{place(call.url)} sent more than {limit // 1_000_000} MB as one answer"
    return CutStreamError(message, "ask again, or choose another --provider")


def _said(headers: Mapping[str, str], body: bytes) -> Any:
    """An error's decoded body; of several events the first. Raises ValueError."""
    decoder = Decoder(headers.get("content-type", ""))
    for read in (partial(decoder.feed, body), decoder.end):
        for value in read():
            return value
    raise ValueError("nothing was said")


def _about_trying_again(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an error that control retries."""
    found = {name.lower(): value for name, value in headers.items()}
    return {
        name: value
        for name, value in found.items()
        if (name in _TRYING_AGAIN or "-ratelimit-" in name) and value.isascii() and value.isprintable()
    }


def _elsewhere(call: Call, what: str) -> UnavailableError:
    """The error for a server that is not the provider."""
    message = f"{place(call.url)} {what}"
    return UnavailableError(message, fault=Fault("address", message))


def _target(url: str, headers: Mapping[str, str]) -> str:
    """A redirect's target, without secrets."""
    try:
        location = headers["location"]
        target = urlsplit(shown(urljoin(url, location)))
    except (KeyError, ValueError):
        return ""
    return f" to {target.scheme}://{target.netloc}{target.path}"[:LONGEST] if location.isprintable() else ""


def _read_fault(status: int, body: Any) -> Fault:
    """The fault of an error in no known format: its status, and the message in the usual fields."""
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    kinds: dict[int, FaultKind] = {401: "auth", 402: "credit", 403: "auth", 404: "not_found", 429: "rate"}
    kind = kinds.get(status, "server" if status >= 500 or status in RETRIED else "request")  # noqa: PLR2004 - HTTP
    return Fault(kind, f"HTTP {status}: {str(message)[:500]}")
