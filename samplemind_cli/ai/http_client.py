"""The door to HTTP: one shared client, one retry loop, and the decoded events of an answer."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Union
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from samplemind_cli.ai import refusal, streams
from samplemind_cli.ai.patience import LinkError, Patience, UnavailableError, silence, tried
from samplemind_cli.ai.refusal import Reader, place
from samplemind_cli.ai.router import is_loopback
from samplemind_cli.ai.types import Call
from samplemind_cli.errors import CutStreamError, ProviderError, SettingError

if TYPE_CHECKING:
    import httpx

    from samplemind_cli.ai import upstream

__all__ = [
    "Patience",
    "UnavailableError",
    "close_http_client",
    "events",
    "get_http_client",
    "load_httpx",
    "make_ai_request",
    "surroundings",
    "use_own_connections",
]
_Response = Union["httpx.Response", "upstream.Response"]
CONNECTIONS = 100  # at most, of one event loop
LARGEST = 256_000_000  # bytes of an answer: 2048 vectors of 3072 numbers are 140 MB
ERROR = 1_000_000  # bytes of an error that are read
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, httpx.AsyncClient]]" = WeakKeyDictionary()
_pools: "WeakKeyDictionary[asyncio.AbstractEventLoop, upstream.Pool]" = WeakKeyDictionary()


@cache
def load_httpx() -> None:
    """Import httpx without its command line, which brings rich, and without HTTP/2 as long as nobody speaks it.

    It would import both wherever they are installed, and its httpcore the latter: 70 ms of each call. Elsewhere they
    are found as ever.
    """
    command_line = ModuleType("httpx._main")
    vars(command_line)["main"] = lambda: None
    sys.modules.setdefault("httpx._main", command_line)
    hidden = "h2" not in sys.modules
    if hidden:
        sys.modules["h2"] = None  # type: ignore[assignment]  # there is no such module, to who asks now
    try:
        import httpcore  # noqa: F401 - httpx does so with its first client
        import httpx  # noqa: F401 - for those who import it next
    finally:
        if hidden:
            del sys.modules["h2"]


def get_http_client() -> "httpx.AsyncClient":
    """The shared HTTP/2 client of this event loop: 100 connections at most, 50 kept alive."""
    return _client(loopback=False)


async def close_http_client() -> None:
    """Close this event loop's connections; the next call opens new ones."""
    if pool := _pools.pop(asyncio.get_running_loop(), None):
        pool.close()
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()


def use_own_connections() -> None:
    """Ask the providers through `upstream` in this event loop, unless the environment names a proxy."""
    from urllib.request import getproxies

    load_httpx()
    import httpx

    from samplemind_cli.ai import upstream

    if not getproxies():
        _pools[asyncio.get_running_loop()] = upstream.Pool(surroundings()(httpx.create_ssl_context))


@contextmanager
def surroundings(*, proxies: bool = False) -> Iterator[None]:
    """Within it a client is made; certificates or a proxy of the environment that are none become a SettingError.

    `proxies`: it will use them.
    """
    import httpx

    try:
        if proxies:
            _check_ports()
        yield
    except ImportError as error:
        hint = "pip install 'httpx[socks]', or unset ALL_PROXY"
        raise SettingError("the environment's SOCKS proxy needs the package socksio", hint) from error
    except OSError as error:  # an ssl.SSLError is one, too
        told = f"no certificates could be read: {error.strerror or error}"
        raise SettingError(told, "check SSL_CERT_FILE and SSL_CERT_DIR") from error
    except (ValueError, httpx.InvalidURL):  # its text may hold a password
        hint = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
        raise SettingError("a proxy in the environment is no http:// address", hint) from None


def _client(*, loopback: bool) -> "httpx.AsyncClient":
    """The client for other machines, or the one for this machine.

    Loopback needs neither HTTP/2 nor certificates, whose imports take longer than a local answer, and no proxy.
    """
    load_httpx()
    import httpx

    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if loopback not in clients or clients[loopback].is_closed:
        p = Patience()
        with surroundings(proxies=not loopback):
            clients[loopback] = httpx.AsyncClient(
                http2=not loopback,
                verify=not loopback,
                trust_env=not loopback,
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=50),
                timeout=httpx.Timeout(connect=p.connect, read=p.read, write=p.write, pool=p.pool),
            )
    return clients[loopback]


async def make_ai_request(url: str, payload: Any, **kwargs: Any) -> Any:
    """POST a JSON payload (None: no body) and return the decoded answer, retrying as the providers' documents allow.

    `headers`, `method`, and the fields of `Patience` (`connect`, `read`, `attempts`, …) may be given. Raises
    ProviderError: what never answered or refused (UnavailableError), or broke off (CutStreamError).
    """
    call = Call(url, payload, kwargs.pop("headers", {}), kwargs.pop("method", "POST"))
    patience = Patience(**kwargs)
    try:
        async with asyncio.timeout_at(patience.deadline):
            answers = [event async for event in events(call, patience)]
    except TimeoutError:
        raise ProviderError(f"{place(url)}: no whole answer before the deadline") from None
    return answers[0] if len(answers) == 1 else answers


async def events(call: Call, patience: Patience, read_fault: Reader | None = None) -> AsyncGenerator[Any, None]:
    """The decoded events of an answer as they come; one event when it was not streamed.

    Retries until the first byte of an answer, never after it. Leaving the iteration closes the connection.
    """
    async with _answer(call, patience, read_fault) as response:
        with _translated(call, patience, begun=True):
            kind, body = response.headers.get("content-type", ""), _body(call, response)
            if not streams.is_stream(kind):
                whole = b"".join([data async for data in body])
                yield refusal.decoded(call, response.status_code, kind, whole)
                return
            async for message in streams.messages(kind, body):
                yield refusal.message(call, message)


async def _body(call: Call, response: "_Response") -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises CutStreamError where it has no end."""
    size = 0
    async for data in response.aiter_bytes():
        size += len(data)
        if size > LARGEST:
            told = f"{place(call.url)} sent more than {LARGEST // 1_000_000} MB as one answer"
            raise CutStreamError(told, "ask again, or choose another --provider")
        yield data


async def _beginning(response: "_Response") -> bytes:
    """As much of an error's body as anybody reads."""
    body = b""
    async for data in response.aiter_bytes():
        body += data
        if len(body) > ERROR:
            break
    return body


@asynccontextmanager
async def _answer(call: Call, patience: Patience, read_fault: Reader | None) -> AsyncIterator["_Response"]:
    """A response whose status is good and whose body has not been read."""

    async def attempt() -> "_Response":
        with _translated(call, patience, begun=False):
            response = await _sent(call, patience)
            if response.status_code >= 300:  # noqa: PLR2004 - HTTP
                try:
                    body = await _beginning(response)
                finally:
                    await response.aclose()
                raise refusal.refused(call, response.status_code, response.headers, body, read_fault)
            return response

    response = await tried(attempt, patience)
    try:
        yield response
    finally:
        await response.aclose()


async def _sent(call: Call, patience: Patience) -> "_Response":
    """The response to a call, through this loop's own connections or through httpx."""
    url = urlsplit(call.url)
    if any(not (value.isascii() and value.isprintable()) for value in call.headers.values()):
        raise SettingError("the provider's key is no line of ASCII letters", "set the key anew, without line ends")
    loopback = url.scheme == "http" and is_loopback(call.url)
    headers = {"content-type": "application/json", **call.headers}
    body = None if call.json is None else _encoded(call.json)
    pool = _pools.get(asyncio.get_running_loop())
    if pool and url.scheme in ("http", "https") and url.hostname and "@" not in url.netloc:
        return await pool.send(call, headers, body, connect=patience.connect, read=patience.read)
    import httpx

    timeout = httpx.Timeout(connect=patience.connect, read=patience.read, write=patience.write, pool=patience.pool)
    client = _client(loopback=loopback)
    request = client.build_request(call.method, call.url, content=body, headers=headers, timeout=timeout)
    return await client.send(request, stream=True)


def _encoded(payload: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(payload)
    except TypeError:  # a lone surrogate, which no UTF-8 document can hold
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


@contextmanager
def _translated(call: Call, patience: Patience, *, begun: bool) -> Any:
    """What httpx raises, as ours: before the answer has begun UnavailableError, after it CutStreamError."""
    load_httpx()
    import httpx

    where = place(call.url)
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise SettingError(f"{where or 'the base URL'} is no address: {error}", "check the base URL") from error
    except httpx.PoolTimeout as error:
        why = f"none of our connections was free within {patience.pool:g} s"
        raise UnavailableError(f"{where}: {why}", "ask less at once") from error
    except httpx.HTTPError as error:
        connecting = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        timed_out = isinstance(error, httpx.TimeoutException)
        failure = silence(where, error, patience, connecting=connecting, timed_out=timed_out, begun=begun)
        if (connecting or isinstance(error, httpx.ProxyError)) and (proxy := _proxy(call.url)):
            why = f"{failure.message} (through the proxy {proxy})"
            failure = UnavailableError(why, "check HTTPS_PROXY and NO_PROXY", again=connecting)
        raise failure from error
    except LinkError as error:
        connecting, timed_out = error.connecting, error.timed_out
        raise silence(where, error, patience, connecting=connecting, timed_out=timed_out, begun=begun) from error


def _check_ports() -> None:
    """Raise ValueError for a proxy's port that is none, which httpx sees only when it connects."""
    from urllib.request import getproxies

    for scheme, proxy in getproxies().items():
        if scheme in ("http", "https", "all") and urlsplit(proxy if "://" in proxy else f"//{proxy}").port == 0:
            raise ValueError(proxy)


def _proxy(url: str) -> str:
    """The proxy that the environment puts before a URL, without who may use it; empty when there is none."""
    from urllib.request import getproxies, proxy_bypass

    target, proxies = urlsplit(url), getproxies()
    if (target.scheme == "http" and is_loopback(url)) or proxy_bypass(place(url)):
        return ""
    return place(proxies.get(target.scheme) or proxies.get("all", ""))
