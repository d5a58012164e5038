"""One client's connection: HTTP/1.1 in and out, within bounds."""

import asyncio
import time
from collections import deque
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING

from samplemind_cli.server.message import EVENTS, Incoming, Outcome, Problem, Reply, Stream
from samplemind_cli.server.reading import Reader

if TYPE_CHECKING:
    from samplemind_cli.server.front import Front

NEVER = float("inf")
GONE = 499  # nginx's number for a client that did not wait
STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Connection(asyncio.Protocol):
    """Reads one request after another and writes each one's response before it looks at the next."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._bounds = front.bounds
        self._loop = front.loop
        self._reader = Reader(self, front)
        self._transport: asyncio.Transport
        self._waiting: deque[Incoming] = deque()  # sent before the answer to the one before
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._leaving = False
        self._patience = front.bounds.head_time  # seconds for what the client owes next
        self.due = NEVER  # when `expire` must be called

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport
        self.expect(self._bounds.head_time)
        self._reader.refusal = self._front.opened(self)
        self._proceed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio.Protocol. Nobody waits for the answer any more: whoever makes it stops."""
        self._leaving = True
        under_way = self._reader.size if self._reader.under_way else 0
        self._let_go(sum(len(incoming.body) for incoming in self._waiting) + under_way)
        self._waiting.clear()
        self._front.closed(self)
        if self._task:
            self._task.cancel()
        self._writable.set()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.clear()
        self.due = self._loop.time() + self._bounds.unread_time

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.set()
        self.expect(self._patience)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._leaving or self._reader.refusal:
            return
        self._reader.feed(data)
        if self._reader.refusal:
            self._proceed()

    # What the reader calls.

    def expect(self, seconds: float) -> None:
        """The client has so long for its next part, from now or from when it is its turn."""
        self._patience = seconds
        if not self._busy:
            self.due = self._loop.time() + seconds

    def welcome(self) -> None:
        """Ask for a body whose client waits to be asked; one that is ahead of its turn comes unasked in a while."""
        if not self._busy:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, incoming: Incoming) -> None:
        """A request is whole."""
        self._waiting.append(incoming)
        if self._busy:
            self._transport.pause_reading()  # one ahead is enough
        else:
            self._proceed()

    # What comes of it.

    @property
    def _busy(self) -> bool:
        """Whether the next request has to wait: for the answer before it, or until the client reads that."""
        return self._task is not None or not self._writable.is_set()

    def _proceed(self) -> None:
        """Answer what is waiting; what cannot be taken is refused in its turn."""
        while self._waiting and not self._busy and not self._transport.is_closing():
            incoming = self._waiting.popleft()
            self.due = NEVER
            if reply := self._front.at_once(incoming):
                self._write(reply, incoming)
                self._let_go(len(incoming.body))
                self._front.done(incoming, reply.status, reply.outcome)
                self._end(incoming)
            else:
                self._task = self._loop.create_task(self._serve(incoming))
        if self._reader.refusal and not self._waiting and not self._busy and not self._leaving:
            self._refuse(self._reader.refusal)

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
            self._let_go(len(incoming.body))
            self._front.done(incoming, status, outcome)
        self._end(incoming)
        self._go_on()

    def _go_on(self) -> None:
        self._proceed()
        if not self._waiting:
            self._transport.resume_reading()

    def _end(self, incoming: Incoming) -> None:
        self.expect(self._patience)
        if not incoming.keep_alive or self._front.draining:
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
        self.expect(self._bounds.linger_time)

    def leave(self) -> None:
        """Close once everything is written; what is being answered is answered first."""
        self._leaving = True
        if not self._task:
            self._transport.close()
            self.expect(self._bounds.unread_time)

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def expire(self) -> None:
        """The time for what this connection was at is over."""
        if self._leaving or not self._writable.is_set():
            self._transport.abort()
        elif self._task:
            self.due = NEVER
        elif self._reader.under_way:
            self._refuse(Problem(408, "the request took too long to arrive", "timeout"))
        else:
            self._transport.close()

    def _let_go(self, size: int) -> None:
        self._front.held -= size
