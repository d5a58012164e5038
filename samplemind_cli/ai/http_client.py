"""The door to HTTP: calls to providers, their retries, and the decoded events of their answers.

httpx makes one-shot calls; inside `serve` aiohttp does, whose calls cost a sixth of the CPU.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin
from weakref import WeakKeyDictionary

from samplemind_cli.ai import inflate, json_text, keys, proxies, refusal
from samplemind_cli.ai.keys import without_keys
from samplemind_cli.ai.patience import CONNECTIONS, Content, LinkError, Patience, UnavailableError, silence, tried
from samplemind_cli.ai.received import Body, EventStream, Response
from samplemind_cli.ai.refusal import place
from samplemind_cli.ai.types import Call, Chunk, FaultReader, Reader
from samplemind_cli.errors import CutStreamError, ProviderError, SettingError

if TYPE_CHECKING:
    import httpx

    from samplemind_cli.ai import aiohttp_client, httpx_client

__all__ = [
    "CONNECTIONS",
    "Patience",
    "UnavailableError",
    "WholeResponse",
    "close_http_client",
    "events",
    "get_http_client",
    "make_ai_request",
    "reply",
    "use_aiohttp",
    "without_keys",
]
LARGEST = 256_000_000  # bytes of an answer: 2048 vectors of 3072 numbers are 140 MB
MOVED = (301, 302, 303, 307, 308)
ERROR = 1_000_000  # bytes read of an error


@dataclass(slots=True)
class _Pools:
    """One event loop's connections."""

    httpx: "httpx_client.Pool | None" = None
    aiohttp: "aiohttp_client.Pool | None" = None


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class WholeResponse:
    """A whole response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def redirect(self, url: str) -> str:
        """The redirect target of the response to `url`; "" where there is none."""
        target = self.headers.get("location", "")
        return urljoin(url, target) if target and self.status in MOVED else ""


def get_http_client() -> "httpx.AsyncClient":
    """The shared HTTP/2 client of this event loop: 100 connections at most, 50 kept alive."""
    return _httpx_pool().client(loopback=False)


async def close_http_client() -> None:
    """Close this event loop's connections; the next call opens new ones."""
    pools = _pools.pop(asyncio.get_running_loop(), _Pools())
    for pool in (pools.httpx, pools.aiohttp):
        if pool:
            await pool.close()


def use_aiohttp() -> None:
    """Call providers through aiohttp in this event loop, if it is installed."""
    try:
        from samplemind_cli.ai import aiohttp_client
    except ImportError:  # the extra `serve` has it
        return
    from samplemind_cli.ai import httpx_client

    _own().aiohttp = aiohttp_client.Pool(httpx_client.tls)


async def make_ai_request(url: str, payload: Any, **kwargs: Any) -> Any:
    """POST a JSON payload (None: no body) and return the decoded answer, retrying as the providers' documents allow.

    `headers`, `method`, and the fields of `Patience` (`connect`, `read`, `attempts`, …) may be given. Raises
    ProviderError: no answer or a refusal (UnavailableError), or an answer that ended early (CutStreamError).
    """
    call = Call(url, payload, kwargs.pop("headers", {}), kwargs.pop("method", "POST"))
    patience = Patience(**kwargs)
    try:
        async with asyncio.timeout_at(patience.deadline):
            answers = [event async for event, _ in events(call, patience)]
    except TimeoutError:
        raise ProviderError(f"{place(url)}: no complete answer before the deadline") from None
    return answers[0] if len(answers) == 1 else answers


async def events(
    call: Call, patience: Patience, read_fault: FaultReader | None = None, reader: Callable[[], Reader] | None = None
) -> AsyncGenerator[tuple[Any, Chunk], None]:
    """The decoded events of an answer as they arrive, each with what it says; one event when it was not streamed.

    Retries until the first byte of an answer, never after it; with `reader`, which makes an answer's reader, until
    its first token. Without it the chunks say nothing. Leaving the iteration closes the connection. No error contains
    the call's keys; a fault among the events may, until `without_keys` has seen it.
    """
    with keys.removed_from_errors(call):
        stream = await tried(lambda: _begun(call, patience, read_fault, reader), patience)
        try:
            async for heard in stream.events():
                yield heard
        finally:
            await stream.aclose()


async def reply(call: Call, patience: Patience, largest: int = ERROR, data: Content | None = None) -> WholeResponse:
    """The whole response to one request of up to `largest` bytes, whatever its status and type; it is not retried.

    `data` is a body that is not JSON, and may be a memory-mapped file.
    Raises UnavailableError when there was no answer, CutStreamError when it ended early or is larger.
    """
    with keys.removed_from_errors(call):
        body = Body(call, await _sent(call, patience, data), largest)
        try:
            whole = b"".join([piece async for piece in body.pieces()])
        finally:
            await body.response.aclose()
        return WholeResponse(body.response.status_code, body.response.headers, whole)


async def _begun(
    call: Call, patience: Patience, read_fault: FaultReader | None, reader: Callable[[], Reader] | None
) -> EventStream:
    """An answer with a success status and, with a `reader`, a good beginning. Raises UnavailableError."""
    response = await _sent(call, patience)
    try:
        if response.status_code >= 300:  # noqa: PLR2004 - HTTP
            beginning = await _beginning(call, response)
            raise refusal.refused(call, response.status_code, response.headers, beginning, read_fault)  # noqa: TRY301
        stream = EventStream(call, response, LARGEST)
        if reader:
            await stream.begin(reader())
    except BaseException:
        await response.aclose()
        raise
    return stream


async def _beginning(call: Call, response: Response) -> bytes:
    """The first bytes of an error's body; it may end early, or not match its encoding."""
    beginning = b""
    with suppress(CutStreamError, UnavailableError):
        async for piece in Body(call, response, 2 * ERROR).pieces():
            beginning += piece
            if len(beginning) > ERROR:
                break
    return beginning


async def _sent(call: Call, patience: Patience, data: Content | None = None) -> Response:
    """The response to a call, through this loop's aiohttp or through httpx. Raises UnavailableError."""
    if any(not (value.isascii() and value.isprintable()) for value in call.headers.values()):
        raise SettingError("the API key contains non-ASCII characters or a line break", "set the key again")
    headers: dict[str, str] = {"accept-encoding": inflate.ACCEPTED, **call.headers}
    body = data
    if data is not None:
        headers["content-type"] = "application/octet-stream"
    elif call.json is not None:
        headers, body = {"content-type": "application/json", **headers}, json_text.dumps(call.json)
    patience.spent.try_begins()
    try:
        return await _pool(call.url).send(call, headers, body, patience)
    except LinkError as error:
        raise silence(place(call.url), error, patience, place(proxies.of(call.url))) from error


def _pool(url: str) -> "httpx_client.Pool | aiohttp_client.Pool":
    """The connection pool for a URL."""
    pool = _own().aiohttp
    return pool if pool and pool.reaches(url) else _httpx_pool()


def _httpx_pool() -> "httpx_client.Pool":
    from samplemind_cli.ai import httpx_client

    own = _own()
    own.httpx = own.httpx or httpx_client.Pool()
    return own.httpx


def _own() -> _Pools:
    return _pools.setdefault(asyncio.get_running_loop(), _Pools())
