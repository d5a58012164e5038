"""Limits how many requests run at once, and how many wait."""

import asyncio
import time
from types import TracebackType

from samplemind_cli.server.message import HttpError


class Gate:
    """`async with gate`: at most `working` run and `waiting` queue; further ones are refused."""

    def __init__(self, working: int, waiting: int) -> None:
        self._room = asyncio.Semaphore(working)
        self._waiting = waiting
        self.inside = self.in_line = 0
        self.waited = 0.0  # seconds that all requests together waited

    async def __aenter__(self) -> float:
        """Get a slot; returns the seconds that it took. Raises HttpError (503) if the queue is full."""
        waited = 0.0
        if self._room.locked():
            if self.in_line >= self._waiting:
                raise HttpError(503, "this server is full", "overloaded", wait=1)
            self.in_line += 1
            began = time.monotonic()
            try:
                await self._room.acquire()
            finally:
                self.in_line -= 1
                waited = time.monotonic() - began
                self.waited += waited
        else:
            await self._room.acquire()  # at once
        self.inside += 1
        return waited

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inside -= 1
        self._room.release()
