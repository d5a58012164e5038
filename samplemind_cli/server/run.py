"""One worker: a socket, an event loop, the core, and a graceful shutdown."""

import asyncio
import logging
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from samplemind_cli import files
from samplemind_cli.ai import http_client
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.journal import Journal as Ledger
from samplemind_cli.child import ending_signals
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server import telemetry, workers
from samplemind_cli.server.bounds import Bounds
from samplemind_cli.server.content import LONGEST
from samplemind_cli.server.front import Front
from samplemind_cli.server.journal import ServerLog
from samplemind_cli.server.ledger_writer import LedgerWriter
from samplemind_cli.settings import Settings

log = logging.getLogger(__name__)
BACKLOG = 1024
GRACE = 8.0  # seconds to finish running requests; Compose kills after 10
FLUSH = 1.0  # seconds after those to send the remaining telemetry
Attach = Callable[[Front, AICore], None]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SamplemindError if the address is not available."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        why = error.strerror or error
        raise SamplemindError(f"cannot listen on {host}:{port}: {why}", "--port 0 picks a free port") from error
    listener.setblocking(False)
    return listener


def url(listener: socket.socket) -> str:
    """The URL of a listener."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


def serve(  # noqa: PLR0913 - its options
    listener: socket.socket,
    settings: Settings,
    bounds: Bounds,
    count: int,
    *,
    log_content: bool = False,
    keep_content: bool = False,
    attach: Attach | None = None,
) -> int:
    """Serve with `count` workers until SIGTERM, SIGHUP or Ctrl-C, then drain; returns the exit code.

    `log_content`: the log holds prompts and answers; `keep_content`: the ledger does. `attach` is called in
    each worker: it adds routes.
    """
    files.allow_open(2 * bounds.connections + 256)  # each, and its request's files

    def work(shared: Path | None = None) -> None:
        content = {"log_content": log_content, "keep_content": keep_content}
        uvloop.run(_serve(listener, settings, bounds, shared, attach, **content))

    if count == 1:
        work()
        return 0
    with tempfile.TemporaryDirectory(prefix="samplemind-serve-") as shared:
        return workers.run(count, lambda: work(Path(shared)))


async def _serve(  # noqa: PLR0913 - the same
    listener: socket.socket,
    settings: Settings,
    bounds: Bounds,
    shared: Path | None,
    attach: Attach | None,
    *,
    log_content: bool,
    keep_content: bool,
) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in ending_signals():
        loop.add_signal_handler(number, stopping.set)
    http_client.use_aiohttp()
    journal = _journal(log_content=log_content)
    if keep_content:
        log.warning("--keep-content: prompts and answers of all clients go into the ledger")
    traced = telemetry.start()
    journal.trace = traced.serving.ids if traced else dict
    writer = LedgerWriter(Ledger(settings, log.warning))
    core = AICore(settings, notify=log.warning, watch=traced.calling.watch if traced else None, record=writer.add)
    front = Front(core, bounds, journal, shared, traced.serving if traced else None, writer, keep_content=keep_content)
    if attach:
        attach(front, core)
    server = await loop.create_server(front.connection, sock=listener)
    await stopping.wait()
    server.close()
    await front.drain(GRACE)
    await core.close()
    if traced:
        traced.pipeline.close(FLUSH)
        await asyncio.sleep(0)  # log records of its threads arrive through the loop
    journal.flush()


def _journal(*, log_content: bool) -> ServerLog:
    """The server's log, as the only handler of our loggers and asyncio's."""
    journal = ServerLog(content=log_content)
    for name in ("samplemind_cli", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [journal], False
    if log_content:
        log.warning("--log-content: prompts and answers go into this log, each cut after %d characters", LONGEST)
    return journal
