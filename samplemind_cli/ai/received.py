"""Reads a provider's response: inflated and decoded, up to a limit."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from samplemind_cli.ai import inflate, refusal
from samplemind_cli.ai.patience import LinkError, UnavailableError
from samplemind_cli.ai.refusal import place
from samplemind_cli.ai.streams import Decoder, NotJSONError
from samplemind_cli.ai.types import Call, Chunk, Fault, Reader
from samplemind_cli.errors import CutStreamError
from samplemind_cli.formats import reading


class Response(Protocol):
    """A response whose head has come, of either client."""

    status_code: int
    headers: Mapping[str, str]
    encoding: str

    async def read(self) -> bytes:
        """The next raw bytes of the body; empty at its end. Raises LinkError."""

    async def aclose(self) -> None:
        """Give the connection back, or close it."""


class Body:
    """The body of a response, inflated, up to `limit` bytes."""

    def __init__(self, call: Call, response: Response, limit: int) -> None:
        self.response = response
        self._call = call
        self._limit = self._left = limit
        try:
            self._inflater = inflate.Inflater(response.encoding)
        except inflate.EncodingError as error:
            message = f"{place(call.url)}: {error}"
            raise UnavailableError(message, fault=Fault("server", message), may_cost=True) from error

    async def read(self) -> bytes:
        """The next raw bytes; empty at the end. Raises CutStreamError."""
        try:
            return await self.response.read()
        except LinkError as error:
            message = f"{place(self._call.url)} broke off in the middle of its answer"
            raise CutStreamError(message, "ask again") from error

    def inflated(self, data: bytes) -> Iterator[bytes]:
        """These bytes decompressed. Raises CutStreamError."""
        try:
            for piece in self._inflater.feed(data):
                self._left -= len(piece)
                if self._left < 0:
                    raise refusal.endless(self._call, self._limit)
                yield piece
        except inflate.EncodingError as error:
            raise CutStreamError(f"{place(self._call.url)}: {error}", "ask again") from error

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The inflated body. Raises CutStreamError."""
        while data := await self.read():
            for piece in self.inflated(data):
                yield piece


class EventStream:
    """The decoded events of a successful response of up to `limit` bytes, each with what it says."""

    def __init__(self, call: Call, response: Response, limit: int) -> None:
        self._call = call
        self._body = Body(call, response, limit)
        self._kind = response.headers.get("content-type", "")
        self._decoder = Decoder(self._kind)
        self._waiting: Iterable[tuple[Any, Chunk]] = ()
        self._read: Reader | None = None
        self._over = False

    async def begin(self, read: Reader) -> None:
        """Read events with `read`, up to the first token. Raises UnavailableError for an error before it."""
        self._read, passed = read, list[tuple[Any, Chunk]]()
        while (found := await self._next()) is not None:
            for event, chunk in found:
                passed.append((event, chunk))
                if chunk.fault and chunk.fault.passing:
                    begun = len(passed) > 1
                    raise refusal.unavailable(chunk.fault, self._body.response.headers, again=True, may_cost=begun)
                if chunk.fault or _says_something(chunk):
                    self._waiting = chain(passed, found)
                    return
        self._waiting = passed

    async def events(self) -> AsyncGenerator[tuple[Any, Chunk], None]:
        """Every event as it arrives, and last, after `begin`, the end that the stream announced.

        Without `begin` the chunks say nothing. Raises CutStreamError; UnavailableError where there is no event.
        """
        for heard in self._waiting:
            yield heard
        while (found := await self._next()) is not None:
            for heard in found:
                yield heard
        if self._read and self._decoder.done:
            yield reading.OVER, self._read(reading.OVER)

    async def aclose(self) -> None:
        """Give the connection back, or close it."""
        await self._body.response.aclose()

    async def _next(self) -> Iterator[tuple[Any, Chunk]] | None:
        """The events that the next bytes complete; None after the end."""
        if self._over:
            return None
        data = b"" if self._decoder.done else await self._body.read()
        self._over = not data
        read = self._read or _unread
        return ((event, read(event)) for event in self._decoded(data))

    def _decoded(self, data: bytes) -> Iterator[Any]:
        status, decoder = self._body.response.status_code, self._decoder
        try:
            for piece in self._body.inflated(data) if data else ():
                yield from decoder.feed(piece)
            if not data:
                yield from decoder.end()
        except NotJSONError as error:
            raise refusal.not_json(self._call, status, self._kind, whole=error.whole) from error
        if not (data or decoder.decoded or decoder.event_stream or decoder.json_lines):
            raise refusal.empty(self._call, status)


def _unread(_: Any) -> Chunk:
    return Chunk()


def _says_something(chunk: Chunk) -> bool:
    said = chunk.text or chunk.thinking or chunk.tool_calls or chunk.block or chunk.finish or chunk.others
    return bool(said)
