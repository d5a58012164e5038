"""Redis's wire protocol (RESP2) over one asyncio connection: requests pipelined, replies in order.

For a single `ask`, which redis-py's import would delay by 0.2 s; long-lived processes use redis-py (see `redis_py`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator


class RespError(Exception):
    """An error that Redis replied with, in its own words."""


# A Redis on this machine replies sooner than a sleeping process wakes: poll a few times before sleeping.
LOOKS = 16
LARGEST = 256_000_000  # bytes of a reply, as of an answer
Reply = bytes | int | RespError | None


class ProtocolError(ConnectionError):
    """The peer does not speak RESP2."""


class Batch:
    """Commands sent together and the replies that came so far."""

    __slots__ = ("done", "replies", "wanted")

    def __init__(self, wanted: int, done: "asyncio.Future[list[Reply]]") -> None:
        self.wanted = wanted
        self.done = done
        self.replies: list[Reply] = []


class RespConnection(asyncio.Protocol):
    """One connection. A late or invalid reply closes it, so replies are never mixed up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Batch] = deque()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._until_loop_ends = self._aborting_at_its_end()

    @property
    def open(self) -> bool:
        """Whether it is still usable."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, *commands: tuple[bytes, ...], deadline: float) -> list[Reply]:
        """The replies to `commands`, by `deadline` (the loop's clock). Raises TimeoutError or ConnectionError.

        The replies to a cancelled call are discarded when they arrive.
        """
        if not self.open or self._transport is None:
            raise ConnectionResetError("the connection is closed")
        batch = Batch(len(commands), self._loop.create_future())
        self._waiting.append(batch)
        timer = self._loop.call_at(deadline, self._expire, batch)
        self._transport.write(b"".join(map(_encoded, commands)))
        try:
            for _ in range(LOOKS):
                if batch.done.done():
                    break
                await asyncio.sleep(0)
            return await batch.done
        finally:
            timer.cancel()

    async def close_with_loop(self) -> None:
        """Close with the event loop, so that users of the library need not close it."""
        await anext(self._until_loop_ends)

    async def close(self) -> None:
        """Close it now."""
        await self._until_loop_ends.aclose()

    def abort(self, error: Exception) -> None:
        """Close at once; every waiting call gets `error`."""
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            batch = self._waiting.popleft()
            if not batch.done.done():
                batch.done.set_exception(error)
                batch.done.exception()  # retrieved, so that asyncio does not log it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.abort(exc or ConnectionResetError("Redis closed the connection"))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._buffer += data
        at = 0
        try:
            while self._waiting and (found := _parse(self._buffer, at)):
                reply, at = found
                self._take(reply)
        except ValueError as error:
            self.abort(ProtocolError(f"not a Redis reply: {error}"))
        del self._buffer[:at]
        if len(self._buffer) > LARGEST:
            self.abort(ProtocolError(f"a reply of more than {LARGEST} bytes"))
            self._buffer.clear()
        if self._buffer and not self._waiting:
            self.abort(ProtocolError("an unexpected reply"))

    def _take(self, reply: Reply) -> None:
        batch = self._waiting[0]
        batch.replies.append(reply)
        if len(batch.replies) == batch.wanted:
            self._waiting.popleft()
            if not batch.done.done():
                batch.done.set_result(batch.replies)

    def _expire(self, batch: Batch) -> None:
        if not batch.done.done():
            self.abort(TimeoutError("no reply in time"))

    async def _aborting_at_its_end(self) -> AsyncGenerator[None, None]:
        """Suspended while the loop runs: a closing loop closes its async generators, but no transports."""
        try:
            yield
        finally:
            self.abort(ConnectionAbortedError("the event loop is closing"))
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next iteration


def _encoded(command: tuple[bytes, ...]) -> bytes:
    """One command as an array of bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/."""
    return b"*%d\r\n" % len(command) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])


def _parse(buffer: bytearray, at: int) -> tuple[Reply, int] | None:
    """One reply and where the next begins; None while it is incomplete. Raises ValueError for an invalid reply."""
    kind = bytes(buffer[at : at + 1])
    if kind not in b"+-:$":
        raise ValueError(f"it begins with {bytes(buffer[at : at + 20])!r}")
    end = buffer.find(b"\r\n", at)
    if end < 0:
        return None
    line = bytes(buffer[at + 1 : end])
    if kind == b"+":
        return line, end + 2
    if kind == b"-":
        return RespError(line.decode("utf-8", "replace")), end + 2
    if kind == b":":
        return int(line), end + 2
    length = int(line)
    if length < 0:
        return None, end + 2
    if length > LARGEST:
        raise ValueError(f"{length} bytes")
    after = end + 2 + length
    return (bytes(buffer[end + 2 : after]), after + 2) if len(buffer) >= after + 2 else None
