"""One client's connection: HTTP/1.1 in and out, within bounds."""

import asyncio
import time
from collections import deque
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httptools

from samplemind_cli.server.message import Incoming, Outcome, Problem, Reply, Stream
from samplemind_cli.server.told import EVENTS

if TYPE_CHECKING:
    from samplemind_cli.server.front import Front

IDLE, HEAD, BODY = 75.0, 10.0, 60.0  # seconds: between requests, for a head, for a body
STUCK = 30.0  # seconds that a client may leave unread what was sent
LINGER = 3.0  # seconds to take in what a refused client still sends, or it would not hear why
NEVER = float("inf")
GONE = 499  # nginx's number for a client that did not wait
STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Connection(asyncio.Protocol):
    """Reads one request after another and writes each one's response before it looks at the next."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._loop = front.loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[Incoming] = deque()  # sent before the answer to the one before
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading = False
        self._leaving = False
        self._refusal: Problem | None = None
        self.due = NEVER  # when `expire` must be called

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport
        self.due = self._loop.time() + HEAD
        self._refusal = self._front.opened(self)
        if self._refusal:
            self._refuse(self._refusal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio.Protocol. Nobody waits for the answer any more: whoever makes it stops."""
        self._leaving = True
        self._let_go(sum(len(incoming.body) for incoming in self._waiting) + (self._size if self._reading else 0))
        self._waiting.clear()
        self._front.closed(self)
        if self._task:
            self._task.cancel()
        self._writable.set()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.clear()
        self.due = self._loop.time() + STUCK

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.set()
        self.due = NEVER if self._task else self._loop.time() + IDLE

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._leaving:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # we speak nothing else: the request is answered as it is
            self._leaving = True
        except httptools.HttpParserError as error:
            self._refusal = self._refusal or Problem(400, f"not HTTP: {error}", "bad_request")
        if self._refusal and not self._task:
            self._refuse(self._refusal)

    # What the parser calls; its size checks are ours, as it has none.

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._reading = True
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_size = self._size = 0
        if not self._task:
            self.due = self._loop.time() + HEAD

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._measure(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; of several of a name the values are joined, as RFC 9110 (5.3) has it."""
        self._measure(len(name) + len(value) + 4)
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The body comes next."""
        length = self._headers.get("content-length", "0")
        if int(length) > self._front.bounds.body:
            self._refusal = self._too_large()
        elif self._headers.get("expect", "").lower() == "100-continue" and not self._task:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self._task:
            self.due = self._loop.time() + BODY

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._refusal:
            return
        self._size += len(data)
        self._front.held += len(data)
        self._body.append(data)
        if self._size > self._front.bounds.body:
            self._refusal = self._too_large()
        elif self._front.held > self._front.bounds.bodies:
            self._refusal = Problem(503, "too many large requests at once", "overloaded", wait=1)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._refusal:
            return
        self._reading = False
        path = self._target.partition(b"?")[0].decode("latin-1")
        version = self._parser.get_http_version()
        incoming = Incoming(
            self._parser.get_method().decode("latin-1"),
            unquote(path),
            self._headers,
            b"".join(self._body),
            self._front.number(self._headers.get("x-request-id", "")),
            self._parser.should_keep_alive(),
            version == "1.1",
            time.perf_counter(),
        )
        self._waiting.append(incoming)
        if self._task:
            self._transport.pause_reading()  # one ahead is enough
        else:
            self._proceed()

    def _measure(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._front.bounds.head and not self._refusal:
            self._refusal = Problem(431, f"a head may have {self._front.bounds.head} bytes", "head_too_large")

    def _too_large(self) -> Problem:
        return Problem(413, f"a body may have {self._front.bounds.body} bytes", "body_too_large")

    # What comes of it.

    def _proceed(self) -> None:
        while self._waiting and not self._task and not self._transport.is_closing():
            incoming = self._waiting.popleft()
            self.due = NEVER
            if reply := self._front.at_once(incoming):
                self._write(reply, incoming)
                self._front.done(incoming, reply.status, reply.outcome)
                self._end(incoming)
            else:
                self._task = self._loop.create_task(self._serve(incoming))
        if not self._task and self._reading:
            self.due = self._loop.time() + HEAD

    async def _serve(self, incoming: Incoming) -> None:
        status, outcome = GONE, Outcome()
        try:
            async with self._front.room(incoming):
                response = await self._front.reply(incoming)
                outcome = response.outcome
                if isinstance(response, Stream):
                    await self._stream(response, incoming)
                    status = 200
                else:
                    self._write(response, incoming)
                    status = response.status
        except Problem as full:
            self._write(full.reply(), incoming)
            status = full.status
        except ConnectionError:
            incoming.keep_alive = False
        finally:
            self._task = None
            self._front.done(incoming, status, outcome)
        self._end(incoming)
        self._transport.resume_reading()
        self._proceed()

    def _end(self, incoming: Incoming) -> None:
        self._let_go(len(incoming.body))
        if self._writable.is_set():
            self.due = self._loop.time() + IDLE
        if not incoming.keep_alive or self._front.draining or self._refusal:
            self.leave()

    def _write(self, reply: Reply, incoming: Incoming) -> None:
        length = {"content-type": reply.kind, "content-length": str(len(reply.body))}
        self._transport.write(self._head(reply.status, length | reply.headers, incoming) + reply.body)

    async def _stream(self, stream: Stream, incoming: Incoming) -> None:
        headers = {"content-type": EVENTS, "cache-control": "no-cache"}
        if incoming.chunked:
            headers["transfer-encoding"] = "chunked"
        else:
            incoming.keep_alive = False
        self._transport.write(self._head(200, headers | stream.headers, incoming))
        async with aclosing(stream.events) as events:
            async for data in events:
                self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if incoming.chunked else data)
                if not self._writable.is_set():
                    await self._writable.wait()
                if self._transport.is_closing():
                    raise ConnectionResetError
        if incoming.chunked:
            self._transport.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: dict[str, str], incoming: Incoming) -> bytes:
        leaving = "" if incoming.keep_alive and not self._front.draining else "connection: close\r\n"
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return STATUS_LINES[status] + f"{lines}x-samplemind-request-id: {incoming.id}\r\n{leaving}\r\n".encode(
            "ascii", "replace"
        )

    # Ends.

    def _refuse(self, refusal: Problem) -> None:
        """Say why and hear no more; what is still coming is thrown away, as a reset would overtake the answer."""
        incoming = Incoming("", "", {}, b"", self._front.number(""), keep_alive=False, began=time.perf_counter())
        reply = refusal.reply()
        self._write(reply, incoming)
        self._front.done(incoming, reply.status, reply.outcome)
        self._leaving = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.due = self._loop.time() + LINGER

    def leave(self) -> None:
        """Close once everything is written; what is being answered is answered first."""
        self._leaving = True
        if not self._task:
            self._transport.close()
            self.due = self._loop.time() + STUCK

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def expire(self) -> None:
        """The time for what this connection was at is over."""
        if self._leaving or not self._writable.is_set():
            self._transport.abort()
        elif self._task:
            self.due = NEVER
        elif self._reading:
            self._refuse(Problem(408, "the request took too long to arrive", "timeout"))
        else:
            self._transport.close()

    def _let_go(self, size: int) -> None:
        self._front.held -= size
