"""The door to httpx: the shared clients of an event loop, for one-shot calls."""

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from samplemind_cli.ai import inflate, proxies
from samplemind_cli.ai.patience import CONNECTIONS, LinkError, Patience, Spent, UnavailableError
from samplemind_cli.ai.refusal import place
from samplemind_cli.ai.router import is_loopback
from samplemind_cli.ai.types import Call
from samplemind_cli.errors import SettingError


class Response:
    """A response whose head has arrived."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._body = response.aiter_raw()
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.encoding = response.headers.get("content-encoding", "")

    async def read(self) -> bytes:
        """The next raw bytes of the body; empty at its end. Raises LinkError."""
        with _link_errors():
            return await anext(self._body, b"")

    async def aclose(self) -> None:
        """Release the connection; an unfinished response is closed, which tells the provider to stop."""
        await self._response.aclose()


class Pool:
    """One event loop's clients: one for other machines, one for this machine.

    The latter needs no HTTP/2, no certificates (whose imports take longer than a local answer) and no proxy.
    """

    def __init__(self) -> None:
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def client(self, *, loopback: bool) -> httpx.AsyncClient:
        """The client for this machine or for others; a closed one is replaced."""
        if loopback not in self._clients or self._clients[loopback].is_closed:
            p = Patience()
            with surroundings(proxied=not loopback):
                self._clients[loopback] = httpx.AsyncClient(
                    http2=not loopback,
                    verify=not loopback,
                    trust_env=not loopback,
                    limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=50),
                    timeout=httpx.Timeout(connect=p.connect, read=p.read, write=p.write, pool=p.pool),
                )
        return self._clients[loopback]

    async def send(self, call: Call, headers: Mapping[str, str], body: bytes | None, patience: Patience) -> Response:
        """Send a call and wait for the response's head. Raises LinkError, or SettingError for an invalid URL."""
        client = self.client(loopback=urlsplit(call.url).scheme == "http" and is_loopback(call.url))
        timeout = httpx.Timeout(connect=patience.connect, read=patience.read, write=patience.write, pool=patience.pool)
        noting = {"trace": _noting(patience.spent)}
        try:
            request = client.build_request(
                call.method, call.url, content=body, headers=headers, timeout=timeout, extensions=noting
            )
            with _link_errors():
                return Response(await client.send(request, stream=True))
        except httpx.PoolTimeout as error:
            why = f"no connection was free within {patience.pool:g} s"
            raise UnavailableError(f"{place(call.url)}: {why}", "send fewer inputs at once") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            message = f"{place(call.url) or 'the base URL'} is not a valid URL: {error}"
            raise SettingError(message, "check the base URL") from error

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def tls() -> ssl.SSLContext:
    """The certificates that httpx trusts: SSL_CERT_FILE, SSL_CERT_DIR, or certifi's. Raises SettingError."""
    with surroundings():
        return httpx.create_ssl_context()


@contextmanager
def surroundings(*, proxied: bool = False) -> Iterator[None]:
    """Around a client's creation: invalid certificates or proxies of the environment become a SettingError.

    `proxied`: it will use the environment's proxies.
    """
    try:
        if proxied:
            proxies.check_ports()
        yield
    except ImportError as error:
        hint = "pip install 'httpx[socks]', or unset ALL_PROXY"
        raise SettingError("the environment's SOCKS proxy needs the package socksio", hint) from error
    except OSError as error:  # an ssl.SSLError is one, too
        message = f"no certificates could be read: {error.strerror or error}"
        raise SettingError(message, "check SSL_CERT_FILE and SSL_CERT_DIR") from error
    except (ValueError, httpx.InvalidURL):  # its text may contain a password
        hint = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
        raise SettingError("a proxy in the environment is not an http:// URL", hint) from None


def bounded(limit: int, endless: str) -> Callable[[httpx.Response], Coroutine[Any, Any, None]]:
    """A response hook for another library's client: bodies are inflated here, and end at `limit` bytes.

    At the path `endless`, whose lines are not accumulated, the limit is per line.
    """

    async def bound(response: httpx.Response) -> None:
        per_line = response.request.url.path.endswith(endless)
        encoding = response.headers.pop("content-encoding", "")
        response.stream = _Bounded(response.stream, encoding, limit, per_line=per_line)

    return bound


def _noting(spent: Spent) -> Callable[[str, Any], Coroutine[Any, Any, None]]:
    """Hears what httpcore does, and notes how long a connection took."""

    async def note(name: str, _: Any) -> None:
        if name == "connection.connect_tcp.started":
            spent.connection_begins()
        elif name.endswith(("connect_tcp.complete", "start_tls.complete")):
            spent.connection_made()

    return note


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: Any, encoding: str, limit: int, *, per_line: bool) -> None:
        self._stream = stream
        self._encoding = encoding
        self._limit = limit
        self._per_line = per_line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        try:
            inflater = inflate.Inflater(self._encoding)
            async for data in self._stream:
                for piece in inflater.feed(data):
                    end = piece.rfind(b"\n") if self._per_line else -1
                    left = left - len(piece) if end < 0 else self._limit - (len(piece) - end)
                    if left < 0:
                        raise httpx.DecodingError(f"an answer larger than {self._limit // 1_000_000} MB")
                    yield piece
        except inflate.EncodingError as error:
            raise httpx.DecodingError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _link_errors() -> Iterator[None]:
    """Turn httpx's transport errors into LinkErrors."""
    try:
        yield
    except (httpx.PoolTimeout, httpx.UnsupportedProtocol):
        raise
    except httpx.HTTPError as error:
        connecting = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        timed_out, proxy = isinstance(error, httpx.TimeoutException), isinstance(error, httpx.ProxyError)
        raise LinkError(str(error), connecting=connecting, timed_out=timed_out, proxy=proxy) from error
