"""The shared tier: Redis with short timeouts; through redis-py in long-lived processes."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.resp import Reply, RespConnection, RespError

if TYPE_CHECKING:
    import ssl

    from samplemind_cli.ai.cache.redis_py import RedisPyConnection

    Link = RespConnection | RedisPyConnection

PATIENCE = 0.04  # seconds for one call
CONNECTING = 2.0  # seconds to connect; no caller waits longer than for a call, but a busy process needs this long
# Seconds once it has answered: a short stall of a working Redis would cost every machine a provider's call.
TRUST = 0.5
# Seconds. Refused connections and DNS errors are retried after BRIEF_REST; timeouts back off exponentially, up to
# LONGEST_REST, so that a Redis that starts with us is used soon after it is there.
BRIEF_REST, LONGEST_REST = 0.25, 30.0
LARGEST = 1024 * 1024  # bytes: larger answers would not cross a slow network within the timeout


class RedisTier:
    """GET and SET on one connection per event loop; every failure is a miss, reported once through `warn`.

    So is a call of more than `patience` seconds, by default PATIENCE; TRUST after a reply. Only a process that is not
    `long_lived` does without redis-py.
    """

    def __init__(
        self, address: Address, warn: Callable[[str], None], *, patience: float | None = None, long_lived: bool = True
    ) -> None:
        self.address = address
        self._through_redis_py = long_lived or address.kind != "server"
        self._warn = warn
        self._patience = patience
        self._answered = False
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[Link]] = {}
        self._rest = 0.0
        self._resting_until = 0.0
        self._tls = _tls_context() if address.tls and not self._through_redis_py else None

    async def get(self, key: str) -> tuple[bytes, float] | None:
        """The envelope of a key and its remaining seconds (infinity without an expiry), or None."""
        name = _name(key)
        match await self.ask((b"GET", name), (b"PTTL", name)):
            case [bytes(raw), int(left)] if left >= -1:
                return raw, left / 1000 if left >= 0 else float("inf")
        return None

    async def put(self, key: str, envelope: bytes, ttl: float) -> bool:
        """Store an envelope for `ttl` seconds; returns whether it was stored."""
        if len(envelope) > LARGEST:
            return False
        milliseconds = b"%d" % max(1, int(ttl * 1000))
        return await self.ask((b"SET", _name(key), envelope, b"PX", milliseconds)) == [b"OK"]

    async def close(self) -> None:
        """Close this event loop's connection."""
        opening = self._opening.pop(asyncio.get_running_loop(), None)
        if opening is None:
            return
        await asyncio.wait([opening], timeout=self._patience or PATIENCE)  # a caller may be waiting for it
        if not opening.done():
            opening.cancel()
        elif _usable(opening):
            await opening.result().close()

    async def ask(self, *commands: tuple[bytes, ...]) -> list[Reply] | None:
        """The replies, or None: Redis is backed off from, does not answer, or refuses."""
        if time.monotonic() < self._resting_until:
            return None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._patience or (TRUST if self._answered else PATIENCE))
        before = self._opening.get(loop)
        try:
            try:
                replies = await (await self._connection(loop, deadline)).ask(*commands, deadline=deadline)
            except ConnectionError:
                if self._opening.get(loop) is not before:  # not a connection that broke while it was idle
                    raise
                replies = await (await self._connection(loop, deadline)).ask(*commands, deadline=deadline)
        except (OSError, UnicodeError, RespError) as error:
            self._leave_alone(error)
            return None
        self._answered, self._rest = True, 0.0
        for reply in replies:
            if isinstance(reply, RespError):
                self._complain(reply)
        return replies

    async def _connection(self, loop: asyncio.AbstractEventLoop, deadline: float) -> "Link":
        opening = self._opening.get(loop)
        if opening is None or not _usable(opening):
            self._opening = {known: task for known, task in self._opening.items() if not known.is_closed()}
            opening = self._opening[loop] = loop.create_task(self._open(loop))
            opening.add_done_callback(_retrieved)
        if opening.done():
            return opening.result()
        async with asyncio.timeout_at(deadline):
            return await asyncio.shield(opening)  # other callers wait for it, too, and it continues for the next one

    async def _open(self, loop: asyncio.AbstractEventLoop) -> "Link":
        at, deadline = self.address, loop.time() + max(CONNECTING, self._patience or PATIENCE)
        if self._through_redis_py:
            from samplemind_cli.ai.cache.redis_py import RedisPyConnection

            client = RedisPyConnection(at)
            await client.close_with_loop()
            await client.ask((b"PING",), deadline=deadline)
            return client
        async with asyncio.timeout_at(deadline):
            if at.path:
                _, connection = await loop.create_unix_connection(RespConnection, at.path)
            else:
                _, connection = await loop.create_connection(RespConnection, at.host, at.port, ssl=self._tls)
        await connection.close_with_loop()
        if commands := at.handshake():
            for reply in await connection.ask(*commands, deadline=deadline):
                if isinstance(reply, RespError):
                    connection.abort(reply)
                    raise reply
        return connection

    def _leave_alone(self, error: Exception) -> None:
        now = time.monotonic()
        self._answered = False
        if now < self._resting_until:  # another caller has already seen to it
            return
        at_once = isinstance(error, ConnectionError | FileNotFoundError | socket.gaierror)
        self._rest = BRIEF_REST if at_once else min(max(2 * self._rest, BRIEF_REST), LONGEST_REST)
        self._resting_until = now + self._rest
        self._complain(error)

    def _complain(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or "no reply in time"
        self._warn(f"the shared cache at {self.address} is not used: {reason}")


def _name(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _usable(opening: "asyncio.Task[Link]") -> bool:
    if not opening.done():
        return True
    return not opening.cancelled() and not opening.exception() and opening.result().open


def _retrieved(opening: "asyncio.Task[Link]") -> None:
    """Retrieve the exception, so that asyncio does not log it where every waiter was cancelled."""
    if not opening.cancelled():
        opening.exception()


def _tls_context() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()
