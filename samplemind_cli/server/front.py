"""The listening side: connections counted, the late ones ended, work bounded, and a drain at the end."""

import asyncio
import itertools
import os
import re
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from samplemind_cli.ai.core import AICore
from samplemind_cli.server.board import Board
from samplemind_cli.server.connection import Connection
from samplemind_cli.server.gate import Gate
from samplemind_cli.server.journal import Journal
from samplemind_cli.server.message import Incoming, Outcome, Problem, Reply, Stream
from samplemind_cli.server.metrics import Metrics, merged, text
from samplemind_cli.server.service import OPEN, Service

if TYPE_CHECKING:
    from samplemind_cli.server.telemetry.serving import Serving

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one worker takes at once: bytes of a head, a body, all bodies; connections, requests at work and in line.

    And how long it waits for a client, in seconds.
    """

    head: int = 16 * 1024
    body: int = 16 * 1024 * 1024
    bodies: int = 128 * 1024 * 1024
    connections: int = 4096
    working: int = 256
    waiting: int = 1024
    idle_time: float = 75.0  # between requests
    head_time: float = 10.0  # for a head to arrive
    body_time: float = 60.0  # for a body to arrive
    unread_time: float = 30.0  # that may pass while a client does not read what was sent
    linger_time: float = 3.0  # to take in what a refused client still sends, or it would not hear why
    sweep_time: float = 0.5  # between looks for who is late


class Front:
    """What all connections of one worker share."""

    def __init__(
        self, core: AICore, bounds: Bounds, journal: Journal, shared: Path | None, traced: "Serving | None"
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.bounds = bounds
        self.draining = False
        self.held = 0  # bytes of bodies in memory
        self._core = core
        self._journal = journal
        self._traced = traced
        self._metrics = Metrics()
        self._board = Board(shared, self._metrics)
        self._service = Service(core, core.settings.api_token, self._measured, content=journal.content)
        self._gate = Gate(bounds.working, bounds.waiting)
        self._connections: set[Connection] = set()
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)
        self._empty = asyncio.Event()
        self._sweeping = self.loop.create_task(self._sweep())

    def connection(self) -> Connection:
        """A protocol for a new connection."""
        return Connection(self)

    def opened(self, connection: Connection) -> Problem | None:
        """Count a connection in; the reason when there is no room for it."""
        self._connections.add(connection)
        if len(self._connections) > self.bounds.connections:
            return Problem(503, "too many connections", "overloaded", wait=1)
        return None

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if self.draining and not self._connections:
            self._empty.set()

    def number(self, given: str) -> str:
        """A request's id: the client's own if it is a decent one."""
        return given if _ID.fullmatch(given) else f"{self._prefix}-{next(self._numbers):x}"

    def at_once(self, incoming: Incoming) -> Reply | None:
        """The response that needs no waiting, if there is one."""
        return self._service.at_once(incoming)

    def room(self, incoming: Incoming) -> AbstractAsyncContextManager[None]:
        """Room to work on a request; who only looks needs none. Raises Problem when the line is full."""
        return self._gate if incoming.method == "POST" else nullcontext()

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response; while the server is being shut down nobody is told that it is ready."""
        if self.draining and incoming.path == "/readyz":
            return Problem(503, "this server is shutting down", "draining").reply()
        if self._traced and incoming.path not in OPEN:
            self._traced.begin(incoming, self._service.label(incoming.path))
        return await self._service.reply(incoming)

    def done(self, incoming: Incoming, status: int, outcome: Outcome) -> None:
        """A request is over: count it and log it; that all is well is not worth a line every second."""
        seconds = time.perf_counter() - incoming.began
        route = self._service.label(incoming.path)
        self._metrics.count(route, status, seconds, outcome)
        if incoming.path not in OPEN or status >= 400:  # noqa: PLR2004 - HTTP
            trace = self._traced.done(incoming, route, status, outcome) if self._traced else {}
            self._journal.request(incoming, status, seconds, outcome, trace)

    def _measured(self) -> bytes:
        self._note()
        return text(merged(self._board.all()))

    def _note(self) -> None:
        gauges = {
            "connections": len(self._connections),
            "requests_at_work": self._gate.inside,
            "requests_in_line": self._gate.in_line,
            "tasks": len(asyncio.all_tasks()),
        }
        self._metrics.note(gauges, self._core.retries, self._core.breakers)

    async def drain(self, seconds: float) -> None:
        """Let what is being answered be answered, for so long; then hang up."""
        self.draining = True
        for connection in list(self._connections):
            connection.leave()
        try:
            async with asyncio.timeout(seconds):
                while self._connections:
                    await self._empty.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)
        self._sweeping.cancel()
        self._note()
        self._board.write()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.bounds.sweep_time)
            now = self.loop.time()
            for connection in [c for c in self._connections if c.due < now]:
                connection.expire()
            self._note()
            self._board.write()
