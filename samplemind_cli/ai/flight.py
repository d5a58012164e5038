"""Single flight: identical requests at the same time make one upstream call, in this process and among processes."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from samplemind_cli.ai.types import Chunk

Emit = Callable[[Chunk], None]
Lead = Callable[[Emit], Awaitable[None]]
POLL = 0.02  # seconds between looks at another process's lock


class _Flight:
    """One upstream call and everything it has said so far."""

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
    """The calls under way in this process, and the folder of locks that other processes see."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._flights: dict[Hashable, _Flight] = {}

    async def join(self, key: Hashable, lead: Lead, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The chunks of the one call for `key`, which `lead` makes unless it is under way.

        Raises what the call raised, or TimeoutError at `deadline` (the event loop's time). When its last follower
        leaves, the call is cancelled and its connection closed.
        """
        name = (asyncio.get_running_loop(), key)
        flight = self._flights.get(name) or _Flight(lead)
        if name not in self._flights:
            self._flights[name] = flight
            flight.task.add_done_callback(lambda _: self._forget(name, flight))
        flight.followers += 1
        try:
            async for chunk in flight.follow(deadline):
                yield chunk
        finally:
            flight.followers -= 1
            if not flight.followers and not flight.task.done():
                self._forget(name, flight)  # nobody may join a call that is being hung up
                flight.task.cancel()
                with suppress(asyncio.CancelledError):
                    await flight.task

    def _forget(self, name: Hashable, flight: _Flight) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Hold `key` against every other process; a holder that dies lets go. Without a lockable file nobody waits."""
        path = self._folder / f"{key[-64:]}.lock"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = await _locked(path)
        except (ImportError, OSError):
            yield
            return
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(handle)


async def _locked(path: Path) -> int:
    """An open, locked file that still stands at `path`: the one before us removes it as it leaves."""
    import fcntl

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            while not _free(fcntl.flock, handle, fcntl.LOCK_EX | fcntl.LOCK_NB):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(POLL)
            if _stands(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _stands(path: Path, handle: int) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(handle))


def _free(flock: Callable[[int, int], None], handle: int, how: int) -> bool:
    try:
        flock(handle, how)
    except BlockingIOError:
        return False
    return True
