"""Decodes bodies: server-sent events, JSON lines, or one JSON text, distinguished by their first bytes.

The content type alone does not decide: gateways send event streams as text/plain, and errors as event streams.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from samplemind_cli.ai.json_text import BOM, loads

END = b"[DONE]"  # OpenAI's last event
FIELDS = (b"data:", b"event:", b"retry:", b"id:", b":")  # how a server-sent event may begin
PINGS = ("ping", "keepalive", "keep-alive", "heartbeat")  # names of keep-alive events
_ENOUGH = max(map(len, FIELDS))  # bytes that decide the kind
_SPACE = b" \t\r\n"
# The first half of a character at the end of a text, and the second at the beginning of one.
_HIGH = re.compile(rb'(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})"')
_LOW = re.compile(rb'(?<!\\)"(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})')


class NotJSONError(ValueError):
    """The body is not JSON; `whole`: nothing was decoded before it."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__("not JSON")
        self.whole = whole


class Lines:
    """Splits bytes into lines at LF, CR LF or CR, however they arrive.

    U+2028 and its like are text inside JSON, not line ends.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of an unfinished line: a long one is not copied with each piece
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that end in these bytes."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._rest.append(data)
            return []
        *lines, last = data.split(b"\n")
        lines[0] = b"".join((*self._rest, lines[0]))
        self._rest = [last] if last else []
        return lines

    def end(self) -> bytes:
        """The last line, if nothing ended it."""
        line, self._rest = b"".join(self._rest), []
        return line


class Halves:
    """Joins a character whose two escapes, its surrogate halves, a server split between two events.

    An event that ends with the first half waits for the next one.
    """

    def __init__(self) -> None:
        self._waiting: tuple[bytes, Any] | None = None

    def decoded(self, data: bytes) -> list[Any]:
        """The values that a JSON text completes. Raises ValueError."""
        if not (self._waiting or b"\\ud" in data or b"\\uD" in data):
            return [loads(data)]
        value, values = loads(data), []
        if self._waiting:
            (before, values), self._waiting = (self._waiting[0], [self._waiting[1]]), None
            if (high := _HIGH.search(before)) and _LOW.search(data):
                data = _LOW.sub(lambda quote: quote[0] + high[1], data, count=1)
                values, value = [loads(before[: high.start(1)] + before[high.end(1) :])], loads(data)
        if _HIGH.search(data):
            self._waiting = data, value
            return values
        return [*values, value]

    def end(self) -> list[Any]:
        """What is still held back."""
        values, self._waiting = [self._waiting[1]] if self._waiting else [], None
        return values


class EventParser:
    """Server-sent events (WHATWG HTML, 9.2.6), line by line; also those that no blank line ends."""

    def __init__(self) -> None:
        self._name = ""
        self._data: list[bytes] = []
        self._halves = Halves()
        self.done = False

    def line(self, line: bytes) -> list[Any]:
        """The decoded events that a line completes: one at most. Raises ValueError."""
        if not line:
            return self.end()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        completed: list[Any] = []
        if field == b"data":
            if len(self._data) == 1 and _complete(self._data[0]):
                completed = self.end()
            self._data.append(value)
        elif field == b"event":
            if self._data and self._name:
                completed = self.end()
            self._name = value.decode("utf-8", "replace").strip().lower()
        return completed

    def end(self) -> list[Any]:
        """The decoded event that a blank line or the end of the stream completes. Raises ValueError."""
        name, data = self._name, b"\n".join(self._data).strip(_SPACE)
        self._name, self._data = "", []
        if not name and data.startswith(b"{"):
            return self._halves.decoded(data)
        data = _unwrapped(data)
        if data.strip(b"[]").upper() == b"DONE":
            self.done = True
            return self.rest()
        if name == "error":
            return [*self.rest(), _error(data)]
        return self._halves.decoded(data) if data and name not in PINGS and not _is_ping(data) else []

    def rest(self) -> list[Any]:
        """What was held back for another event."""
        return self._halves.end()


class JSONLines:
    """A line of JSON each; one text over several lines where its first line alone is not JSON."""

    done = False

    def __init__(self, *, only_lines: bool) -> None:
        self._only_lines = only_lines
        self._halves = Halves()
        self._whole: list[bytes] = []
        self._begun = False

    def line(self, line: bytes) -> list[Any]:
        """A line's values. Raises ValueError."""
        if self._whole:
            self._whole.append(line)
        elif line := line.strip(_SPACE):
            try:
                values = self._halves.decoded(line)
            except ValueError:
                if self._begun or self._only_lines:
                    raise
                self._whole.append(line)
            else:
                self._begun = True
                return values
        return []

    def end(self) -> list[Any]:
        """The values of all lines together. Raises ValueError."""
        whole, self._whole = b"\n".join(self._whole), []
        return [loads(whole)] if whole else []

    def rest(self) -> list[Any]:
        """What was held back for another line."""
        return self._halves.end()


class Decoder:
    """Decodes a body of a content type, piece by piece."""

    def __init__(self, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        self.event_stream = "event-stream" in kind
        self.json_lines = "ndjson" in kind or "jsonl" in kind
        self.decoded = 0  # values
        self._first: bytes | None = b""  # until its kind is known
        self._lines = Lines()
        self._messages: EventParser | JSONLines = EventParser()

    @property
    def done(self) -> bool:
        """Whether the stream announced its end."""
        return self._messages.done

    def feed(self, data: bytes) -> Iterator[Any]:
        """The values that these bytes complete. Raises NotJSONError."""
        if self._first is not None:
            self._first = (self._first + data).removeprefix(BOM).lstrip(_SPACE)
            if len(self._first) < _ENOUGH:
                return
            data = self._begin()
        for line in self._lines.feed(data):
            yield from self._decoded(self._messages.line, line)
            if self.done:
                return

    def end(self) -> Iterator[Any]:
        """The values that the end of the body completes. Raises NotJSONError."""
        for line in (*self._lines.feed(self._begin()), self._lines.end()):
            if line and not self.done:
                yield from self._decoded(self._messages.line, line)
        if not self.done:
            yield from self._decoded(self._messages.end)
            yield from self._decoded(self._messages.rest)

    def _begin(self) -> bytes:
        """Choose the parser, if not yet chosen; returns the bytes held back for that."""
        first, self._first = self._first, None
        if first is None:
            return b""
        declared = self.event_stream and not first.startswith((b"{", b"["))
        if not (declared or first.startswith(FIELDS)):
            self._messages = JSONLines(only_lines=self.json_lines)
        return first

    def _decoded(self, read: Callable[..., list[Any]], *line: bytes) -> list[Any]:
        try:
            values = read(*line)
        except ValueError as error:
            raise NotJSONError(whole=not self.decoded) from error
        self.decoded += len(values)
        return values


def _complete(data: bytes) -> bool:
    """Whether one data line is a whole event: some servers omit the blank line."""
    try:
        loads(data)
    except ValueError:
        return data.strip(_SPACE) == END
    return True


def _unwrapped(data: bytes) -> bytes:
    """The data of an event; some proxies wrap an event in another."""
    while data.startswith(b"data:"):
        data = data[len(b"data:") :].strip(_SPACE)
    return data


def _is_ping(data: bytes) -> bool:
    """Whether it is only a keep-alive: a comment that a proxy turned into data, or a ping."""
    return data.startswith(b":") or (data[:1] != b"{" and data.strip(b"[]").lower().decode("ascii", "replace") in PINGS)


def _error(data: bytes) -> Any:
    """The data of an `event: error`, as an object that has "error" whatever its shape was."""
    try:
        said = loads(data) if data else "an error event without data"
    except ValueError:
        said = data.decode("utf-8", "replace")
    return said if isinstance(said, dict) and "error" in said else {"error": said}
