"""`serve`'s own way to the providers, behind the HTTP door: httpx takes ten times the time, and more with every caller.

HTTP/1.1 over as many connections as there are callers, kept for the next ones. No proxies, no redirects, no cookies.
"""

import asyncio
import select
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import cache
from urllib.parse import SplitResult, urlsplit

import httptools

from samplemind_cli.ai.patience import LinkError
from samplemind_cli.ai.types import Call

KEPT = 4.0  # seconds: many servers hang up after five, and nobody can tell whether a request met a closing door
AHEAD = 1024 * 1024  # bytes that may have come and not been read
HEAD = 256 * 1024  # bytes of status and headers, at most
INFORMATION = range(100, 200)


class Response:
    """A response whose head has come; of httpx.Response what the door needs."""

    def __init__(self, link: "Link", pool: "Pool", read: float) -> None:
        self._link = link
        self._pool = pool
        self._read = read
        self.status_code = link.status
        self.headers = link.headers

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises LinkError."""
        while data := await self._link.data(self._read):
            yield data

    async def aread(self) -> bytes:
        """The whole body. Raises LinkError."""
        return b"".join([data async for data in self.aiter_bytes()])

    async def aclose(self) -> None:
        """Give the connection back; one whose response is not over is closed, which tells the provider to stop."""
        self._pool.take_back(self._link)


class Link(asyncio.Protocol):
    """One connection to a provider, used for one request at a time."""

    def __init__(self, place: tuple[str, ...], loop: asyncio.AbstractEventLoop) -> None:
        self.place = place
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser | None = None
        self._lost: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self.until = 0.0

    @property
    def reusable(self) -> bool:
        """Whether it can take another request: nothing has come since the last, not even an end that is yet unread."""
        if self._parser or self._lost or self._transport.is_closing():
            return False
        news = select.poll()
        news.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return not news.poll(0)

    def send(self, request: bytes) -> None:
        """Begin an exchange."""
        self._parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.status = 0
        self._data: deque[bytes] = deque()
        self._ahead = self._head = 0
        self._paused = self._over = self._keep = False
        self._transport.write(request)

    async def head(self, patience: float) -> None:
        """Wait for status and headers. Raises LinkError."""
        while not self.status:
            await self._wait(patience)

    async def data(self, patience: float) -> bytes:
        """The next of the body; nothing at its end. Raises LinkError."""
        while not self._data and not self._over:
            await self._wait(patience)
        data = b"".join(self._data)
        self._data.clear()
        self._ahead = 0
        if self._paused and not self._over:
            self._paused = False
            self._transport.resume_reading()
        return data

    def finish(self) -> bool:
        """End the exchange; whether the connection can be kept. Otherwise it is closed."""
        if self._parser is None:  # it has been given back
            return False
        kept = self._over and self._keep and self._lost is None and not self._paused
        self._parser = None
        if not kept:
            self.close()
        return kept

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._lost = self._lost or exc or ConnectionResetError("the connection was closed")
        if self._parser and self.status and not {"content-length", "transfer-encoding"} & self.headers.keys():
            self._over = True  # a body without a length ends with its connection
        self._wake()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            if self._parser is None:  # words that nobody asked for
                self._transport.abort()
            else:
                self._head += 0 if self.status else len(data)
                self._parser.feed_data(data)
                if self._head > HEAD and not self.status:
                    raise httptools.HttpParserError(f"a head of more than {HEAD} bytes")  # noqa: TRY301 - as the parser's
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._lost = ConnectionError(f"not HTTP: {error}")
            self._transport.abort()
        self._wake()

    def on_message_begin(self) -> None:
        """A response begins: one to each request."""
        if self._over:
            raise ConnectionError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the response."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Status and headers are whole."""
        assert self._parser is not None  # noqa: S101 - it is the parser that calls
        status = self._parser.get_status_code()
        if status in INFORMATION:
            self.headers.clear()
        else:
            self.status = status

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._data.append(data)
        self._ahead += len(data)
        if self._ahead > AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The response is whole."""
        if self._parser and self.status:
            self._over, self._keep = True, self._parser.should_keep_alive()

    async def _wait(self, patience: float) -> None:
        if self._lost:
            raise LinkError(str(self._lost)) from self._lost
        self._news = self._loop.create_future()
        try:
            async with asyncio.timeout(patience):
                await self._news
        except TimeoutError as error:
            raise LinkError("silence", timed_out=True) from error
        finally:
            self._news = None

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)


class Pool:
    """One event loop's connections to the providers; `tls` makes what the first one that is encrypted needs."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls = cache(tls)
        self._idle: dict[tuple[str, ...], list[Link]] = {}
        self._tidying: asyncio.TimerHandle | None = None

    async def send(
        self, call: Call, headers: Mapping[str, str], body: bytes | None, *, connect: float, read: float
    ) -> Response:
        """Send a call and wait for the response's head. Raises LinkError."""
        url = urlsplit(call.url)
        request = _encoded(call.method, url, headers, body)
        link = self._kept(url[:2]) or await self._connected(url, connect)
        try:
            link.send(request)
            await link.head(read)
        except BaseException:
            self.take_back(link)
            raise
        return Response(link, self, read)

    def take_back(self, link: Link) -> None:
        """Keep a connection for the next caller, if it can be."""
        if link.finish():
            link.until = self._loop.time() + KEPT
            self._idle.setdefault(link.place, []).append(link)
            self._tidying = self._tidying or self._loop.call_later(KEPT, self._tidy)

    def _tidy(self) -> None:
        """Close those for whom nobody came; the oldest are first."""
        now = self._loop.time()
        for place, links in list(self._idle.items()):
            gone = sum(link.until <= now for link in links)
            for link in links[:gone]:
                link.close()
            self._idle[place] = links[gone:]
        self._tidying = self._loop.call_later(KEPT, self._tidy) if any(self._idle.values()) else None

    def close(self) -> None:
        """Close what is idle."""
        if self._tidying:
            self._tidying.cancel()
            self._tidying = None
        for links in self._idle.values():
            for link in links:
                link.close()
        self._idle.clear()

    def _kept(self, place: tuple[str, ...]) -> Link | None:
        links = self._idle.get(place, [])
        now = self._loop.time()
        while links:
            link = links.pop()
            if link.reusable and link.until > now:
                return link
            link.close()
        return None

    async def _connected(self, url: SplitResult, patience: float) -> Link:
        tls = self._tls() if url.scheme == "https" else None
        try:
            async with asyncio.timeout(patience):
                _, link = await self._loop.create_connection(
                    lambda: Link(url[:2], self._loop), str(url.hostname), url.port or (443 if tls else 80), ssl=tls
                )
        except TimeoutError as error:
            raise LinkError("no connection in time", connecting=True, timed_out=True) from error
        except (OSError, ValueError) as error:
            raise LinkError(str(error), connecting=True) from error
        return link


def _encoded(method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A request as it goes over the wire. Raises LinkError for a header that holds a line's end."""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"host: {url.netloc}", "accept-encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise LinkError("a header holds the end of a line", connecting=True)
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (body or b"")
