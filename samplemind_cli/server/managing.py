"""`serve --manage`: passes requests that change models on to Ollama unchanged; only for the server's owner."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from typing import Any
from urllib.parse import quote

import orjson

from samplemind_cli.ai import http_client
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.http_client import Patience, UnavailableError
from samplemind_cli.ai.types import Call, Chunk, Options, Provider, Request
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import document
from samplemind_cli.formats.ollama import client
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.types import Fault
from samplemind_cli.server.failure import problem
from samplemind_cli.server.front import Front
from samplemind_cli.server.message import HttpError, Incoming, Outcome, Reply, Stream
from samplemind_cli.server.routes import Operation

LINES = "application/x-ndjson"
BLOB = "/api/blobs/{digest}"
STREAMED = ("create", "pull", "push")
AT_ONCE = (("POST", "copy"), ("DELETE", "delete"))
SILENCE = 600.0  # seconds: a daemon is silent while it verifies a download


class Managing:
    """Forwards requests to the daemon, and its responses back."""

    def __init__(self, core: AICore) -> None:
        self._core = core

    def operations(self) -> tuple[Operation, ...]:
        """The routes."""
        streamed = (Operation("POST", f"/api/{name}", self._streamed, ollama.error, owner=True) for name in STREAMED)
        at_once = (Operation(method, f"/api/{name}", self._whole, ollama.error, owner=True) for method, name in AT_ONCE)
        return (
            *streamed,
            *at_once,
            Operation("GET", BLOB, self._has_blob, ollama.error, owner=True),
            Operation("POST", BLOB, self._blob, ollama.error, owner=True, media="", filed=True),
        )

    async def _streamed(self, incoming: Incoming) -> Reply | Stream:
        """Forward a response line by line; a refusal before the first line keeps its status."""
        body = document(incoming.body).raw
        lines = http_client.events(self._call(incoming, body), _patience(), client.fault)
        try:
            first, _ = await anext(lines)
        except UnavailableError as error:
            raise _refused(error) from error
        if body.get("stream") is False:
            await lines.aclose()
            return Reply(orjson.dumps(first))
        return Stream(_lines(first, lines), {}, Outcome(Provider.OLLAMA), LINES)

    async def _whole(self, incoming: Incoming) -> Reply:
        response = await http_client.reply(self._call(incoming, document(incoming.body).raw), _patience())
        return Reply(response.body, response.status)

    async def _has_blob(self, incoming: Incoming) -> Reply:
        """Whether the daemon has a file already; only HEAD is allowed."""
        if incoming.method != "HEAD":
            raise HttpError(405, f"{incoming.path[:200]} takes HEAD, POST", "method_not_allowed")
        response = await http_client.reply(self._call(incoming, None), _patience())
        return Reply(b"", response.status)

    async def _blob(self, incoming: Incoming) -> Reply:
        """Forward a file of a new model to the daemon."""
        assert incoming.file  # noqa: S101 - its operation is `filed`
        with incoming.file as file:
            file.flush()
            size = file.seek(0, SEEK_END)
            data = mmap(file.fileno(), size, access=ACCESS_READ) if size else b""
            response = await http_client.reply(self._call(incoming, None), _patience(), data=data)
        return Reply(response.body, response.status)

    def _call(self, incoming: Incoming, body: Any) -> Call:
        route = self._core.routes(Request(messages=()), Options(provider=Provider.OLLAMA))[0]
        if route.skipped:
            raise HttpError(503, f"{route.provider}: {route.skipped}", "no_provider")
        path = f"/api/blobs/{quote(incoming.params[0], safe=':')}" if incoming.route == BLOB else incoming.route
        return Call(f"{route.endpoint.base_url}{path}", body, method=incoming.method)


def attach(front: Front, core: AICore) -> None:
    """Add the routes to a server."""
    front.add(Managing(core).operations(), {})


def _patience() -> Patience:
    return Patience(read=SILENCE, attempts=1)


def _refused(error: UnavailableError) -> HttpError:
    """The daemon's own refusal, or that it does not answer."""
    known = problem(error)
    fault = error.fault or Fault("server", error.message)
    return HttpError(404 if fault.kind == "not_found" else known.status, fault.message, str(known.code or ""))


async def _lines(first: Any, rest: AsyncGenerator[tuple[Any, Chunk], None]) -> AsyncGenerator[bytes, None]:
    """One line per event; an error after the first one is a line, too."""
    try:
        async with aclosing(rest):
            yield orjson.dumps(first) + b"\n"
            async for event, _ in rest:
                yield orjson.dumps(event) + b"\n"
    except SamplemindError as error:
        yield orjson.dumps({"error": error.message}) + b"\n"
