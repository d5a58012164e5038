"""Single flight: identical requests at the same time make one upstream call, in this process and among processes."""

import asyncio
import os
import struct
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.ai.types import Chunk

Emit = Callable[[Chunk], None]
Lead = Callable[[Emit], Awaitable[None]]
POLL = 0.02  # seconds between polls of another process's lock
PLACE = 15  # hex digits of a key that are its lock's offset in the file; more would exceed the largest file size


class _Flight:
    """One upstream call and its chunks so far."""

    def __init__(self, lead: Lead) -> None:
        self.chunks: list[Chunk] = []
        self.followers = 0
        self.news = asyncio.Event()
        self.task = asyncio.create_task(self._run(lead))

    async def _run(self, lead: Lead) -> None:
        try:
            await lead(self._emit)
        finally:
            self.news.set()

    def _emit(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self.news.set()
        self.news = asyncio.Event()

    async def follow(self, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        seen = 0
        while True:
            news = self.news
            while seen < len(self.chunks):
                yield self.chunks[seen]
                seen += 1
            if self.task.done():
                self.task.result()
                return
            if news is self.news:
                async with asyncio.timeout_at(deadline):
                    await news.wait()
                await asyncio.sleep(0)  # the task sets the event just before it is done


class Flights:
    """The calls in flight in this process, and the lock file shared with other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._held: set[int] = set()
        self._flights: dict[Hashable, _Flight] = {}

    async def join(self, key: Hashable, lead: Lead, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The chunks of the single call for `key`, which `lead` makes unless it is in flight.

        Raises what the call raised, or TimeoutError at `deadline` (the event loop's time). When its last follower
        leaves, the call is cancelled and its connection closed.
        """
        name = (asyncio.get_running_loop(), key)
        flight = self._flights.get(name) or _Flight(lead)
        if name not in self._flights:
            self._flights[name] = flight
            flight.task.add_done_callback(lambda _: self._over(name, flight))
        flight.followers += 1
        try:
            async for chunk in flight.follow(deadline):
                yield chunk
        finally:
            flight.followers -= 1
            if not flight.followers and not flight.task.done():
                self._forget(name, flight)  # nobody may join a call that is being cancelled
                flight.task.cancel()
                with suppress(asyncio.CancelledError):
                    await flight.task

    def _over(self, name: Hashable, flight: _Flight) -> None:
        self._forget(name, flight)
        if not flight.task.cancelled():
            flight.task.exception()  # retrieved, so that asyncio does not log it

    def _forget(self, name: Hashable, flight: _Flight) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of a cache key among all processes. Where locking is impossible, nobody waits."""
        place = int(key[-PLACE:], 16)
        try:
            while place in self._held or not self._locks(place):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(POLL)
        except (ImportError, OSError):
            yield
            return
        self._held.add(place)
        try:
            yield
        finally:
            self._held.remove(place)
            _lock(self._file, place, held=False)

    def _locks(self, place: int) -> bool:
        """Whether we now hold the lock of the byte at `place`."""
        if self._file < 0:
            files.private_folder(self._path.parent)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            weakref.finalize(self, os.close, self._file)
        try:
            _lock(self._file, place, held=True)
        except (BlockingIOError, PermissionError):  # POSIX allows either of them
            return False
        return True


def _lock(file: int, place: int, *, held: bool) -> None:
    """Lock or release one byte, which need not exist; a process that dies releases it.

    Uses open-file-description locks where available: two cores in one process each have their own file.
    """
    import fcntl

    if hasattr(fcntl, "F_OFD_SETLK"):
        kind = fcntl.F_WRLCK if held else fcntl.F_UNLCK
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi", kind, os.SEEK_SET, place, 1, 0))
    else:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB if held else fcntl.LOCK_UN, 1, place)
