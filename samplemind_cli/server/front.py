"""The listening side: counts connections, closes overdue ones, limits concurrent work, and drains at shutdown."""

import asyncio
import itertools
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from samplemind_cli import files
from samplemind_cli.ai.core import AICore
from samplemind_cli.formats.anthropic_messages.server import error as anthropic_error
from samplemind_cli.formats.headers import of_anthropics_client
from samplemind_cli.server.access import Access
from samplemind_cli.server.bounds import Bounds, ByteBudget
from samplemind_cli.server.connection import Connection
from samplemind_cli.server.gate import Gate
from samplemind_cli.server.journal import ServerLog
from samplemind_cli.server.ledger_writer import LedgerWriter
from samplemind_cli.server.message import HttpError, Incoming, Outcome, Reply, Stream
from samplemind_cli.server.metrics import Metrics, WorkerCounts, merged, text
from samplemind_cli.server.quotas import Quotas
from samplemind_cli.server.routes import JSON, PROBES, Operation, Routes
from samplemind_cli.server.service import Service

if TYPE_CHECKING:
    from samplemind_cli.server.telemetry.serving import Serving

# What `curl -d` says of JSON, and aiohttp of bytes (LiteLLM's); before the last a browser asks.
UNLABELLED = ("", "application/x-www-form-urlencoded", "application/octet-stream")
BROWSERS = {"origin", "referer", "sec-fetch-site", "sec-fetch-mode"}  # headers that only browsers send
CANCEL = "/v1/batches/{batch}/cancel"  # it reduces the load, so no limit applies
LEDGER_TIME = 1.0  # seconds between writes to the ledger


class Front:
    """What all connections of one worker share."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        core: AICore,
        bounds: Bounds,
        journal: ServerLog,
        shared: Path | None,
        traced: "Serving | None",
        ledger: LedgerWriter,
        *,
        keep_content: bool = False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.bounds = bounds
        self.budget = ByteBudget(bounds.bodies)
        self.draining = False
        self.date = _date()
        self._core = core
        self._journal = journal
        self._traced = traced
        self._ledger = ledger
        self._metrics = Metrics()
        self._worker_counts = WorkerCounts(shared, self._metrics)
        self._service = Service(core, self._measured, content=journal.content, keep=keep_content)
        self.at_once = self._service.at_once
        self.routes = Routes(self._service.operations)
        self._access = Access(core.settings)
        self._quotas = Quotas(core.settings.state_dir)
        self._gate = Gate(bounds.working, bounds.waiting)
        self._connections: set[Connection] = set()
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)
        self._empty = asyncio.Event()
        self._sweeping = self.loop.create_task(self._sweep())
        self._service.jobs.resume()

    def add(self, operations: Iterable[Operation], paths: Mapping[str, Any]) -> None:
        """Add routes, and their entries in /openapi.json."""
        self.routes.add(operations)
        self._service.paths.update(paths)

    def connection(self) -> Connection:
        """A protocol for a new connection."""
        return Connection(self)

    def opened(self, connection: Connection) -> HttpError | None:
        """Register a connection; returns the reason when there is no room for it."""
        self._connections.add(connection)
        if len(self._connections) > self.bounds.connections:
            return HttpError(503, "too many connections", "overloaded", wait=1)
        return None

    def closed(self, connection: Connection) -> None:
        """Unregister a connection."""
        self._connections.discard(connection)
        if self.draining and not self._connections:
            self._empty.set()

    def number(self) -> str:
        """A new request id."""
        return f"{self._prefix}-{next(self._numbers):x}"

    def begin(self, incoming: Incoming) -> None:
        """Find the route, and refuse what the head alone rules out."""
        operation = self.routes.find(incoming)
        if incoming.error is None and of_anthropics_client(incoming.headers):
            incoming.error = anthropic_error
        try:
            self._access.check_host(incoming)
            if "origin" in incoming.headers:
                incoming.added = self._access.cors.headers(incoming)
            if incoming.method == "OPTIONS" and (allowed := self.routes.allowed(incoming)):
                # A preflight cannot bring a token.
                incoming.refused = self._access.cors.preflight(incoming, allowed)
                return
            public, owner = (operation.public, operation.owner) if operation else (False, False)
            self._access.check(incoming, public=public, owner=owner)
            if operation is None:
                raise self.routes.missing(incoming)
            if incoming.key and incoming.method == "POST" and incoming.route != CANCEL:
                self._quotas.take(incoming.key)
            if incoming.method == "POST" and (
                incoming.headers.get("content-type") != JSON
                or operation.media != JSON
                or "content-encoding" in incoming.headers
            ):
                _check_media(incoming, operation.media)
            if operation.filed and incoming.method == "POST":
                incoming.file = self._file()
        except HttpError as problem:
            incoming.refused = incoming.problem(problem)

    def _file(self) -> BinaryIO:
        """An unnamed file for a large body: it disappears with its request. Raises HttpError (507)."""
        try:
            return cast("BinaryIO", TemporaryFile(dir=files.private_folder(self._core.settings.state_dir, "uploads")))
        except OSError as error:
            raise HttpError(507, f"the body cannot be written down: {error.strerror}", "no_room") from error

    def room(self, incoming: Incoming) -> AbstractAsyncContextManager[float]:
        """A slot to work on a request, and the seconds it took to get it. Raises HttpError if the queue is full."""
        return self._gate if incoming.method == "POST" else nullcontext(0.0)  # GET needs none

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response; during shutdown the server does not report itself ready."""
        if self.draining and incoming.route == "/readyz":
            return incoming.problem(HttpError(503, "this server is shutting down", "draining"))
        if self._traced and incoming.route not in PROBES:
            self._traced.begin(incoming)
        return await self._service.reply(incoming)

    def done(self, incoming: Incoming, status: int, outcome: Outcome) -> None:
        """Count and log a request that has ended; successful health checks are not logged."""
        seconds = time.perf_counter() - incoming.began
        self._metrics.count(incoming.route, status, seconds, outcome)
        self._ledger.repeat(outcome.repetition)
        if incoming.key:
            self._quotas.spend(incoming.key, outcome.input_tokens + outcome.output_tokens)
        if incoming.route not in PROBES or status >= 400:  # noqa: PLR2004 - HTTP
            trace = self._traced.done(incoming, status, outcome) if self._traced else {}
            self._journal.request(incoming, status, seconds, outcome, trace)

    def _measured(self) -> bytes:
        self._note()
        return text(merged(self._worker_counts.all()))

    def _note(self) -> None:
        gauges = {
            "connections": len(self._connections),
            "requests_at_work": self._gate.inside,
            "requests_in_line": self._gate.in_line,
            "tasks": len(asyncio.all_tasks()),
        }
        limited = {"concurrency": self._gate.waited}
        self._metrics.note(gauges, self._core.retries, self._core.breakers, limited)

    async def drain(self, seconds: float) -> None:
        """Wait this many seconds for running requests, then close every connection."""
        self.draining = True
        ending = self.loop.create_task(self._service.jobs.close(seconds))
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
        await ending
        self._sweeping.cancel()
        self._ledger.close()
        self._note()
        self._worker_counts.write()

    async def _sweep(self) -> None:
        written = self.loop.time()
        while True:
            await asyncio.sleep(self.bounds.sweep_time)
            if self.loop.time() - written >= LEDGER_TIME:
                self._ledger.flush()
                written = self.loop.time()
            now, self.date = self.loop.time(), _date()
            for connection in [c for c in self._connections if c.due < now]:
                connection.expire()
            self._note()
            self._worker_counts.write()


def _date() -> str:
    """The Date header's line, as RFC 9110 (6.6.1) has it."""
    return f"date: {formatdate(usegmt=True)}\r\n"


def _check_media(incoming: Incoming, media: str) -> None:
    """Check that a body has this media type and is not compressed. Raises HttpError (415).

    Ollama's clients may label JSON otherwise, as the daemon allows, unless the client is a browser, which would send
    such a body to any address for a page of any origin, without a preflight.
    """
    headers = incoming.headers
    if not media and not BROWSERS & headers.keys():
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    plain = (
        incoming.route.startswith("/api/") and media == JSON and kind in UNLABELLED and not BROWSERS & headers.keys()
    )
    if kind != media and not plain:
        raise HttpError(415, f"content-type must be {media}", "unsupported_media_type")
    if headers.get("content-encoding", "identity").lower() != "identity":
        compressed = HttpError(415, "compressed request bodies are not supported", "unsupported_media_type")
        raise compressed.with_header("accept-encoding", "identity")
