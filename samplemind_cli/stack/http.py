"""Bounded JSON over HTTP on an open connection: a tenth of the time that importing http.client takes.

A container may send without end, or a byte at a time, so each response has a size limit and may have a deadline.
"""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

LARGEST = 256_000_000  # bytes of a response; an engine with thousands of containers lists them in some 20 MB
PIECE = 1 << 16


class BoundedReader:
    """Reads responses of up to `largest` bytes, each within `seconds` (None: the socket's own timeout applies)."""

    def __init__(self, connected: socket.socket, largest: int = LARGEST, seconds: float | None = None) -> None:
        self._socket, self._largest, self._seconds = connected, largest, seconds
        self._buffer = bytearray()
        self.begin()

    def begin(self) -> None:
        """Start the next response: its size and time count from now."""
        self._left = self._largest
        self._until = time.monotonic() + self._seconds if self._seconds is not None else None

    def line(self) -> bytes:
        """Up to a newline (included), or the end. Raises OSError; ValueError if it is too large."""
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if not self._more():
                return self._take(seen)
        return self._take(end + 1)

    def exactly(self, size: int) -> bytes:
        """`size` bytes. Raises OSError, also if the connection ends before; ValueError if it is too large."""
        if not 0 <= size <= self._largest:
            raise ValueError(f"an answer of {size} bytes is not read")
        while len(self._buffer) < size:
            if not self._more():
                raise ConnectionError("the answer was cut")
        return self._take(size)

    def rest(self) -> bytes:
        """Everything up to the end. Raises OSError; ValueError if it is too large."""
        while self._more():
            pass
        return self._take(len(self._buffer))

    def _more(self) -> bool:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
        data = self._socket.recv(PIECE)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"the answer is larger than {self._largest} bytes")
        self._buffer += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


class HttpConnection:
    """An HTTP/1.1 connection for one request after another; `largest` and `seconds` limit each response."""

    def __init__(self, connected: socket.socket, largest: int = LARGEST, seconds: float | None = None) -> None:
        self._socket = connected
        self._reader = BoundedReader(connected, largest, seconds)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON at `path`. Raises OSError; ValueError for a response that is cut or not JSON."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._reader.begin()
        words = self._reader.line().split()
        if len(words) < 2:  # noqa: PLR2004 - HTTP/1.1 and the status
            raise ConnectionError("the connection was closed")
        headers = {}
        while line := self._reader.line().strip():
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        if headers.get(b"transfer-encoding") == b"chunked":
            body = b"".join(self._chunks())
        else:
            length = headers.get(b"content-length")
            body = self._reader.rest() if length is None else self._reader.exactly(int(length))
        try:
            return int(words[1]), json.loads(body)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._reader.line().partition(b";")[0], 16):
            yield self._reader.exactly(size)
            self._reader.line()
        self._reader.line()
