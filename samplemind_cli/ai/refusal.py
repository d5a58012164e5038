"""What comes instead of an answer: an error, the way to another place, a page for people."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from samplemind_cli.ai.limits import retry_after
from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.router import shown
from samplemind_cli.ai.streams import BOM
from samplemind_cli.ai.types import Call, Fault, FaultKind
from samplemind_cli.errors import CutStreamError

KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
RETRIED = frozenset({408, 409, 429, 529})  # and every 5xx
NO_SUCH_PATH = (404, 405, 501)
LONGEST = 200  # characters of an address that are told
Reader = Callable[[int, Any], Fault]


def place(url: str) -> str:
    """Host and port of a URL."""
    return urlsplit(shown(url)).netloc


def refused(
    call: Call, status: int, headers: Mapping[str, str], body: bytes, read_fault: Reader | None
) -> UnavailableError:
    """What a status from 300 on means; `body` may be the beginning of one."""
    if status < 400:  # noqa: PLR2004 - HTTP
        return _elsewhere(call, f"redirects (HTTP {status}){_target(call.url, headers)}")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        if status in NO_SUCH_PATH:  # a provider that is asked for an unknown model says so in JSON
            return _elsewhere(call, f"has nothing at {urlsplit(call.url).path} (HTTP {status})")
        said = body.decode("utf-8", "replace")
    fault = (read_fault or _read_fault)(status, said)
    again = (status in RETRIED or status >= 500) and fault.kind not in ("credit", "request", "too_long")  # noqa: PLR2004 - HTTP
    told = _without_keys(fault.message, call.headers)
    return UnavailableError(told, fault=fault, again=again, wait=retry_after(headers))


def decoded(call: Call, status: int, kind: str, body: bytes) -> Any:
    """A whole body of the content type `kind`. Raises CutStreamError, or UnavailableError for what is no answer."""
    try:
        return message(call, body.removeprefix(BOM))
    except CutStreamError:
        if body and "json" in kind:
            raise
    found = kind.partition(";")[0].strip()[:LONGEST] or "no content type" if body else "nothing"
    raise _elsewhere(call, f"answers with {found} instead of JSON (HTTP {status})")


def message(call: Call, data: bytes) -> Any:
    """One JSON text of an answer. Raises CutStreamError."""
    import orjson

    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:  # half of an emoji, as JavaScript may cut it: no UTF-8 can hold it
        return orjson.loads(json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise CutStreamError(f"{place(call.url)} sent something that is not JSON", "ask again") from error


def _elsewhere(call: Call, what: str) -> UnavailableError:
    """The error for a server that is not the provider's."""
    told = f"{place(call.url)} {what}"
    return UnavailableError(told, fault=Fault("address", told))


def _target(url: str, headers: Mapping[str, str]) -> str:
    """Where a redirect leads, without what may be secret."""
    try:
        location = headers["location"]
        target = urlsplit(shown(urljoin(url, location)))
    except (KeyError, ValueError):
        return ""
    return f" to {target.scheme}://{target.netloc}{target.path}"[:LONGEST] if location.isprintable() else ""


def _without_keys(message: str, headers: Mapping[str, str]) -> str:
    """A provider's words without the key that it may have repeated."""
    for name, value in headers.items():
        if name.lower() in KEY_HEADERS and (key := value.removeprefix("Bearer ")):
            message = message.replace(key, "…")
    return message


def _read_fault(status: int, body: Any) -> Fault:
    """An error nobody has read more closely: its status, and the words in the usual places."""
    error = body.get("error", body) if isinstance(body, dict) else body
    told = error.get("message", error) if isinstance(error, dict) else error
    kinds: dict[int, FaultKind] = {401: "auth", 402: "credit", 403: "auth", 404: "not_found", 429: "rate"}
    kind = kinds.get(status, "server" if status >= 500 or status in RETRIED else "request")  # noqa: PLR2004 - HTTP
    return Fault(kind, f"HTTP {status}: {str(told)[:500]}")
