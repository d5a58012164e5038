"""HTTP/1.1 over asyncio streams: reads requests in turn, writes whole or chunked responses, detects disconnects."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024  # the providers stop at 20 to 32 MB; a larger body is refused, not buffered
PHRASES = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}  # 529 is Anthropic's own


class BadRequest(Exception):  # noqa: N818 - the status names it
    """Bytes that are not an HTTP/1.1 request; `status`: of the response to them."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class HttpRequest:
    """One request; header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        """The target without its query, decoded."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @cached_property
    def json(self) -> Any:
        """The body, parsed as JSON. Raises ValueError."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class ClientConnection:
    """One client's connection. What it sends during an answer is kept for the next request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = bytearray()
        self._bodiless = False  # the answer to HEAD

    async def request(self) -> HttpRequest | None:
        """The next request; None if the client has disconnected. Raises BadRequest."""
        end = await self._find(b"\r\n\r\n", MAX_HEAD)
        if end < 0:
            return None
        line, *rest = self._take(end).decode("latin-1").split("\r\n")
        self._take(4)
        parts = line.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/"):  # noqa: PLR2004 - method, target, version
            raise BadRequest(400, "not an HTTP request")
        if parts[2] != "HTTP/1.1":
            raise BadRequest(505, "only HTTP/1.1 is supported")
        self._bodiless = parts[0] == "HEAD"
        headers = {name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in rest)}
        body = await self._body(headers)
        return None if body is None else HttpRequest(parts[0], parts[1], headers, body)

    async def hung_up(self) -> None:
        """Return when the client closes its end, however long that takes."""
        while await self._read():
            pass

    async def send(self, status: int, headers: dict[str, str], body: bytes, length: int | None = None) -> None:
        """Send a whole response; with `length`, its Content-Length differs from the body's."""
        head = _head(status, {**headers, "Content-Length": str(len(body) if length is None else length)})
        self._writer.write(head if self._bodiless else head + body)
        await self._writer.drain()

    async def begin(self, status: int, headers: dict[str, str]) -> None:
        """Send the head of a chunked response."""
        self._writer.write(_head(status, {**headers, "Transfer-Encoding": "chunked"}))
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one ends the response."""
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def close(self) -> None:
        """Close, and wait until it is closed; a client that has disconnected is no error."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise BadRequest(400, "Content-Length is not a number")
        return await self._exactly(int(length))

    async def _chunks(self) -> bytes | None:
        body = bytearray()
        while (end := await self._find(b"\r\n", MAX_HEAD)) >= 0:
            digits = self._take(end).split(b";")[0].strip()
            if not digits or digits.strip(b"0123456789abcdefABCDEF"):
                raise BadRequest(400, "a chunk has no size")
            size = int(digits, 16)
            part = await self._exactly(size + 4)  # the line end before it and the one after it
            if part is None:
                return None
            body += part[2:-2]
            if len(body) > MAX_BODY:
                raise BadRequest(413, "the body is too large")
            if not size:
                return bytes(body)
        return None

    async def _find(self, mark: bytes, limit: int) -> int:
        while (position := self._ahead.find(mark)) < 0:
            if len(self._ahead) > limit:
                raise BadRequest(431, "the head is too large")
            if not await self._read():
                return -1
        return position

    async def _exactly(self, size: int) -> bytes | None:
        if size > MAX_BODY:
            raise BadRequest(413, "the body is too large")
        while len(self._ahead) < size:
            if not await self._read():
                return None
        return self._take(size)

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(256 * 1024)
        except OSError:  # reset by the client
            return False
        self._ahead += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken


def phrase(status: int) -> str:
    """The reason phrase of a status."""
    return PHRASES.get(status, "Unknown")


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
