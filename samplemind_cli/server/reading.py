"""A client's bytes, read into requests within bounds."""

import time
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httptools

from samplemind_cli.server.message import Incoming, Problem

if TYPE_CHECKING:
    from samplemind_cli.server.connection import Connection
    from samplemind_cli.server.front import Front


class Reader:
    """Tells its connection of each request that is whole, and of how long the client may take for what comes next.

    `under_way` says that a request has begun, `refusal` why nothing more is read. The size checks are ours, as the
    parser has none; what it calls are the methods whose names begin with `on_`.
    """

    def __init__(self, connection: "Connection", front: "Front") -> None:
        self._connection = connection
        self._front = front
        self._bounds = front.bounds
        self._parser = httptools.HttpRequestParser(self)
        self._untold = 0  # bytes since the parser last told of something: it gathers a header until that is whole
        self.under_way = False
        self.refusal: Problem | None = None
        self.size = 0  # bytes of the body so far

    def feed(self, data: bytes) -> None:
        """Read on."""
        self._untold += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as wish:
            self._ask_plainly(data[wish.args[0] :])
        except httptools.HttpParserError as error:
            self.refusal = self.refusal or Problem(400, f"not HTTP: {error}", "bad_request")
        if self._untold > self._bounds.head:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self.under_way = True
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_size = self.size = 0
        self._connection.expect(self._bounds.head_time)

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._measure(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; of several of a name the values are joined, as RFC 9110 (5.3) has it."""
        self._measure(len(name) + len(value) + 4)
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The body comes next."""
        length = self._headers.get("content-length", "0")
        if int(length) > self._bounds.body:
            self._refuse_body()
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._connection.welcome()
        self._connection.expect(self._bounds.body_time)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._untold = 0
        if self.refusal:
            return
        self.size += len(data)
        self._front.held += len(data)
        self._body.append(data)
        if self.size > self._bounds.body:
            self._refuse_body()
        elif self._front.held > self._bounds.bodies:
            self.refusal = Problem(503, "too many large requests at once", "overloaded", wait=1)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self.refusal or self._parser.should_upgrade():
            return
        self.under_way, self._untold = False, 0
        incoming = Incoming(
            self._parser.get_method().decode("latin-1"),
            unquote(self._target.partition(b"?")[0].decode("latin-1")),
            self._headers,
            b"".join(self._body),
            self._front.number(self._headers.get("x-request-id", "")),
            self._parser.should_keep_alive(),
            self._parser.get_http_version() == "1.1",
            time.perf_counter(),
        )
        self._connection.expect(self._bounds.idle_time)
        self._connection.take(incoming)

    def _ask_plainly(self, rest: bytes) -> None:
        """Read the request again without its wish for another protocol, with which the parser leaves out the body.

        Java's HTTP client wishes for HTTP/2 in its first request.
        """
        if self._headers.pop("upgrade", None) is None:
            self.refusal = Problem(405, "this is no proxy", "method_not_allowed")
            return
        line = b"%b %b HTTP/%b\r\n" % (
            self._parser.get_method(),
            self._target,
            self._parser.get_http_version().encode(),
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items()).encode("latin-1")
        self._parser = httptools.HttpRequestParser(self)
        self.feed(line + head + b"\r\n" + rest)

    def _measure(self, size: int) -> None:
        self._untold = 0
        self._head_size += size
        if self._head_size > self._bounds.head:
            self._refuse_head()

    def _refuse_head(self) -> None:
        refusal = Problem(431, f"a head may have {self._bounds.head} bytes", "head_too_large")
        self.refusal = self.refusal or refusal

    def _refuse_body(self) -> None:
        refusal = Problem(413, f"a body may have {self._bounds.body} bytes", "body_too_large")
        self.refusal = self.refusal or refusal
