"""What the other end of a connection says, within bounds: a container may talk without end, or a byte at a time."""

import socket
import time

LARGEST = 256_000_000  # bytes of an answer; an engine with thousands of containers lists them in some 20 MB
PIECE = 1 << 16


class BoundedReader:
    """Reads answers of up to `largest` bytes each; `seconds` is how long one may take, None: as the socket has it."""

    def __init__(self, connected: socket.socket, largest: int = LARGEST, seconds: float | None = None) -> None:
        self._socket, self._largest, self._seconds = connected, largest, seconds
        self._buffer = bytearray()
        self.begin()

    def begin(self) -> None:
        """The next answer: what it may say and how long it may take counts from now."""
        self._left = self._largest
        self._until = time.monotonic() + self._seconds if self._seconds is not None else None

    def line(self) -> bytes:
        """Up to a newline, or what there is before the end. Raises OSError, ValueError for too much."""
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if not self._more():
                return self._taken(seen)
        return self._taken(end + 1)

    def exactly(self, size: int) -> bytes:
        """So many bytes. Raises OSError, also where the answer is cut, ValueError for too much."""
        if not 0 <= size <= self._largest:
            raise ValueError(f"an answer of {size} bytes is not read")
        while len(self._buffer) < size:
            if not self._more():
                raise ConnectionError("the answer was cut")
        return self._taken(size)

    def rest(self) -> bytes:
        """Everything up to the end. Raises OSError, ValueError for too much."""
        while self._more():
            pass
        return self._taken(len(self._buffer))

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

    def _taken(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data
