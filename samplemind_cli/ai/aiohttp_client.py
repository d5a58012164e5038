"""The door to aiohttp: `serve`'s connections to the providers, kept from one request to the next."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from samplemind_cli.ai import proxies
from samplemind_cli.ai.patience import Content, LinkError, Patience
from samplemind_cli.ai.types import Call

KEPT = 4.0  # seconds: many servers close idle connections after five, and a request could meet the close
HEAD = 64 * 1024  # bytes of a header, at most
PIECE = 64 * 1024  # bytes of a request's body per write


class Response:
    """A response whose head has arrived."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.headers: Mapping[str, str] = response.headers
        self.encoding = ",".join(response.headers.getall("content-encoding", ()))

    async def read(self) -> bytes:
        """The next raw bytes of the body; empty at its end. Raises LinkError."""
        with _link_errors():
            return await self._response.content.readany()

    async def aclose(self) -> None:
        """Release the connection; an unfinished response is closed, which tells the provider to stop."""
        self._response.close()


class Pool:
    """One event loop's connections to the providers; `tls` makes the SSL context for the first encrypted one.

    Redirects are not followed, and cookies are not kept.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = cache(tls)
        self._proxy = lru_cache(256)(proxies.of)
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        tracing.on_connection_create_start.append(_note_begun)
        tracing.on_connection_create_end.append(_note_made)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT),  # as many connections as callers
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # its decompression has no size limit
            trust_env=False,  # it would read ~/.netrc, too
            trace_configs=[tracing],
            max_line_size=HEAD,
            max_field_size=HEAD,
        )

    def reaches(self, url: str) -> bool:
        """Whether it can reach a URL: aiohttp has no SOCKS support."""
        try:
            place = urlsplit(url)
            proxy = urlsplit(self._proxy(f"{place.scheme}://{place.netloc}"))
            usable = proxy.scheme in ("", "http", "https") and proxy.port != 0
        except ValueError:
            return False
        return usable and place.scheme in ("http", "https") and bool(place.hostname) and "@" not in place.netloc

    async def send(self, call: Call, headers: Mapping[str, str], body: Content | None, patience: Patience) -> Response:
        """Send a call and wait for the response's head. Raises LinkError.

        A reused connection that closes without a byte was closed before the call: it is retried once on another.
        """
        used = SimpleNamespace(reused=False, spent=patience.spent)
        try:
            return await self._sent(call, headers, body, patience, used)
        except LinkError as error:
            closed = isinstance(error.__cause__, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
            if not (used.reused and closed):
                raise
        return await self._sent(call, headers, body, patience, used)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _sent(
        self,
        call: Call,
        headers: Mapping[str, str],
        body: Content | None,
        patience: Patience,
        used: SimpleNamespace,
    ) -> Response:
        place = urlsplit(call.url)
        proxy = self._proxy(f"{place.scheme}://{place.netloc}")
        encrypted = "https" in (place.scheme, urlsplit(proxy).scheme)
        with _link_errors():
            async with asyncio.timeout(None) as limit:
                data: AsyncGenerator[bytes, None] | bytes | None = None if body is None else body[:PIECE]
                if body and len(body) > PIECE:
                    headers = {**headers, "content-length": str(len(body))}
                    data = _pieces(body, limit, patience.write)
                response = await self._session.request(
                    call.method,
                    URL(call.url, encoded=True),
                    data=data,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy or None,
                    ssl=self._tls() if encrypted else True,
                    timeout=aiohttp.ClientTimeout(connect=patience.connect, sock_read=patience.read),
                    trace_request_ctx=used,
                )
        return Response(response)


async def _pieces(body: Content, limit: asyncio.Timeout, seconds: float) -> AsyncGenerator[bytes, None]:
    """A large body in pieces, each with a timeout: aiohttp has none for writing."""
    for begin in range(0, len(body), PIECE):
        limit.reschedule(asyncio.get_running_loop().time() + seconds)
        yield body[begin : begin + PIECE]
    limit.reschedule(None)


async def _note_reuse(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _connection: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    context.trace_request_ctx.reused = True


async def _note_begun(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.spent.connection_begins()


async def _note_made(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.spent.connection_made()


@contextmanager
def _link_errors() -> Iterator[None]:
    """Turn aiohttp's errors into LinkErrors."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise LinkError("no connection in time", connecting=True, timed_out=True) from error
    except (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError) as error:
        why = f"{error.status} {error.message}" if isinstance(error, aiohttp.ClientHttpProxyError) else str(error)
        raise LinkError(why, connecting=isinstance(error, aiohttp.ClientConnectionError), proxy=True) from error
    except aiohttp.ClientConnectorError as error:
        raise LinkError(str(error.os_error), connecting=True) from error
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorDNSError) as error:
        raise LinkError(str(error), connecting=True) from error
    except asyncio.TimeoutError as error:  # noqa: UP041
        raise LinkError("silence", timed_out=True) from error
    except aiohttp.ClientResponseError as error:
        raise LinkError(f"not HTTP: {error.message}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise LinkError(str(error) or type(error).__name__) from error
    except ValueError as error:
        raise LinkError(str(error), connecting=True) from error
