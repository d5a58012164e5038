"""One client's connection: HTTP/1.1 in and out, within bounds."""

import asyncio
import select
from collections import deque
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol

from samplemind_cli.server.bounds import Bounds, ByteBudget, Share
from samplemind_cli.server.head import head
from samplemind_cli.server.message import HttpError, Incoming, Outcome, Reply, Stream
from samplemind_cli.server.reading import RequestReader

NEVER = float("inf")
GONE = 499  # nginx's status for a client that disconnected
BODILESS = (204, 304)  # these have no body and no content-length
LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR  # Linux reports a FIN behind unread data


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    loop: asyncio.AbstractEventLoop
    bounds: Bounds
    budget: ByteBudget
    draining: bool
    date: str  # the Date header's line

    def opened(self, connection: "Connection") -> HttpError | None:
        """Register a connection; returns the reason when there is no room for it."""

    def closed(self, connection: "Connection") -> None:
        """Unregister a connection."""

    def number(self) -> str:
        """A new request id."""

    def begin(self, incoming: Incoming) -> None:
        """Decide what can be decided from the head alone."""

    def at_once(self, incoming: Incoming) -> Reply | None:
        """The response that is ready at once, if there is one."""

    def room(self, incoming: Incoming) -> AbstractAsyncContextManager[float]:
        """A slot to work on a request, and the seconds it took to get it. Raises HttpError if there is none."""

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response to a request."""

    def done(self, incoming: Incoming, status: int, outcome: Outcome) -> None:
        """A request has ended."""


class Connection(asyncio.Protocol):
    """Reads requests in turn and writes each one's response before it handles the next."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._bounds = host.bounds
        self._loop = host.loop
        self._share = Share(host.budget)
        self._reader = RequestReader(self, host.bounds, self._share)
        self._transport: asyncio.Transport
        self._waiting: deque[Incoming] = deque()  # pipelined: sent before the response to the previous one
        self._paused = False  # reading is paused until the next request's turn
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._leaving = False
        self.due = NEVER  # when `expire` must be called
        self.number = host.number  # the reader asks for it

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport
        self._wait()
        if full := self._host.opened(self):
            self._reader.refuse(full)
        self._proceed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio.Protocol. Cancels the work on the response."""
        self._leaving = True
        self._share.close()
        self._waiting.clear()
        self._host.closed(self)
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
        self._wait()
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._leaving or self._reader.refusal:
            return
        parts = self._reader.parts
        self._reader.feed(data)
        if self._reader.parts != parts:  # a part that only grows gets no more time
            self._wait()
        if self._reader.refusal:
            self._proceed()

    # What the reader calls.

    def begin(self, incoming: Incoming) -> None:
        """Decide what can be decided from the head alone."""
        incoming.transport = self._transport
        self._host.begin(incoming)

    def welcome(self) -> None:
        """Send 100 Continue, unless an earlier request is being answered: clients send the body after a while."""
        if not self._busy:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, incoming: Incoming) -> None:
        """A request is complete. Raises HttpError for too many pipelined ones."""
        self._waiting.append(incoming)
        if self._task is None and self._writable.is_set():
            self._proceed()
            return
        if len(self._waiting) > self._bounds.ahead:  # they arrived in one piece, before the pause
            raise HttpError(503, "too many pipelined requests", "overloaded", wait=1)
        self._transport.pause_reading()  # one ahead is enough
        self._paused = True
        if self._writable.is_set():
            self.due = self._loop.time()  # from now on nothing else notices a disconnect

    # The responses.

    def _wait(self, seconds: float | None = None) -> None:
        """Set the client's deadline for its next part; it does not run while a response is made or sent."""
        if not self._busy:
            self.due = self._loop.time() + (self._reader.patience if seconds is None else seconds)

    @property
    def _busy(self) -> bool:
        """Whether the previous response is still being made, or waits to be read."""
        return self._task is not None or not self._writable.is_set()

    def _proceed(self) -> None:
        """Answer the next waiting requests; one that was refused while it was read is answered in its turn."""
        while self._waiting and not self._busy and not self._transport.is_closing():
            incoming = self._waiting.popleft()
            if reply := incoming.refused or self._host.at_once(incoming):
                self._write(reply, incoming)
                self._share.give_back(len(incoming.body))
                self._host.done(incoming, reply.status, reply.outcome)
                self._end(incoming)
            else:
                self.due = NEVER
                self._task = self._loop.create_task(self._serve(incoming))
        last = self._reader.refusal
        if last and last.refused and not self._waiting and not self._busy and not self._leaving:
            self._refuse(last, last.refused)

    async def _serve(self, incoming: Incoming) -> None:
        status, outcome = GONE, Outcome()
        try:
            async with self._host.room(incoming) as incoming.waited:
                response = await self._host.reply(incoming)
                outcome = response.outcome
                if isinstance(response, Stream):
                    await self._stream(response, incoming)
                    status = 200
                else:
                    self._write(response, incoming)
                    status = response.status
        except HttpError as full:
            self._write(incoming.problem(full), incoming)
            status = full.status
        except ConnectionError:
            incoming.keep_alive = False
        finally:
            self._task = None
            self._share.give_back(len(incoming.body))
            self._host.done(incoming, 200 if status == GONE and outcome.ended else status, outcome)
        self._wait()
        self._end(incoming)
        self._go_on()

    def _go_on(self) -> None:
        self._proceed()
        if self._paused and not self._waiting:
            self._paused = False
            self._transport.resume_reading()

    def _end(self, incoming: Incoming) -> None:
        if not incoming.keep_alive or self._host.draining:
            self.leave()

    def _write(self, reply: Reply, incoming: Incoming) -> None:
        headers = reply.headers
        if reply.status not in BODILESS:
            headers = {"content-type": reply.kind, "content-length": str(len(reply.body)), **headers}
        first = self._head(reply.status, headers, incoming)
        bodiless = incoming.method == "HEAD" or reply.status in BODILESS
        self._transport.write(first if bodiless else first + reply.body)

    async def _stream(self, stream: Stream, incoming: Incoming) -> None:
        headers = {"content-type": stream.kind, "cache-control": "no-cache", **stream.headers}
        if incoming.chunked:
            headers["transfer-encoding"] = "chunked"
        else:
            incoming.keep_alive = False
        self._transport.write(self._head(200, headers, incoming))
        async with aclosing(stream.events) as events:
            if incoming.method == "HEAD":
                return
            async for data in events:
                self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if incoming.chunked else data)
                if not self._writable.is_set():
                    await self._writable.wait()
                if self._transport.is_closing():
                    raise ConnectionResetError
        if incoming.chunked:
            self._transport.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: dict[str, str], incoming: Incoming) -> bytes:
        leaving = not incoming.keep_alive or self._host.draining
        return head(status, headers, self._host.date, incoming, leaving=leaving)

    # Ends.

    def _refuse(self, incoming: Incoming, reply: Reply) -> None:
        """Send the refusal and read no more; further bytes are discarded, as a reset would overtake the response."""
        self._write(reply, incoming)
        self._host.done(incoming, reply.status, reply.outcome)
        self._leaving = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._wait(self._bounds.linger_time)

    def leave(self) -> None:
        """Close once everything is written, after the request that is being answered."""
        self._leaving = True
        if not self._task:
            self._transport.close()
            self._wait(self._bounds.unread_time)

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def expire(self) -> None:
        """Close a connection whose timeout has expired."""
        if self._task and self._writable.is_set():
            self._look()
        elif self._leaving or not self._writable.is_set():
            self._transport.abort()
        elif self._reader.under_way:
            self._reader.refuse(HttpError(408, "the request took too long to arrive", "timeout"))
            self._proceed()
        else:
            self._transport.close()

    def _look(self) -> None:
        """Detect the disconnect of a client while reading is paused."""
        self.due = self._loop.time() if self._paused else NEVER
        if self._paused and _has_left(self._transport.get_extra_info("socket").fileno()):
            self._transport.abort()


def _has_left(file: int) -> bool:
    poll = select.poll()
    poll.register(file, LEFT)
    return bool(poll.poll(0))
