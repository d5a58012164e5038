"""Parses a client's bytes into requests, within limits."""

import re
import time
from typing import BinaryIO, Protocol
from urllib.parse import unquote

import httptools

from samplemind_cli.server.bounds import Bounds, Share
from samplemind_cli.server.message import HttpError, Incoming

VERSIONS = ("1.1", "1.0")
# Common header names, decoded once.
_USUAL = ("host", "accept", "accept-encoding", "authorization", "connection", "content-length", "content-type")
KNOWN = {form.encode(): name for name in (*_USUAL, "user-agent") for form in (name, name.title())}
_ABSOLUTE = re.compile(r"https?://([^/?#@]+)((?:[/?#].*)?)", re.IGNORECASE | re.DOTALL)
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Listener(Protocol):
    """Receives the parsed requests."""

    def number(self) -> str:
        """An id for a request whose client gave none."""

    def begin(self, incoming: Incoming) -> None:
        """A head is complete; `incoming.refused` is set when it decides the response."""

    def welcome(self) -> None:
        """The client waits for 100 Continue."""

    def take(self, incoming: Incoming) -> None:
        """A request is complete."""


class RequestReader:
    """Reports each complete head and request to its listener.

    `under_way`: a request has begun; `refusal` is the request whose response is the connection's last;
    `patience` is the client's timeout in seconds for its next part, and `parts` counts the received ones. The size
    checks are ours, as the parser has none; it calls the methods whose names begin with `on_`.
    """

    def __init__(self, listener: Listener, bounds: Bounds, share: Share) -> None:
        self._listener = listener
        self._bounds = bounds
        self._share = share
        self._parser = httptools.HttpRequestParser(self)
        self._unparsed = 0  # bytes since the parser's last callback: it buffers a header until that is complete
        self._incoming: Incoming | None = None  # from its complete head on
        self._target = b""
        self._body: list[bytes] = []
        self.under_way = False
        self.refusal: Incoming | None = None
        self.patience = bounds.head_time
        self.parts = 0

    def feed(self, data: bytes) -> None:
        """Parse more bytes."""
        self._unparsed += len(data)
        rest: bytes | None = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, HttpError):
                raise
            self.refuse(error.__context__)
        except httptools.HttpParserError as error:
            self.refuse(HttpError(400, f"not HTTP: {error}", "bad_request"))
        if rest is not None:  # not inside the handler: it would be the next error's context
            self._parse_without_upgrade(rest)
        elif self._unparsed > self._bounds.head:
            self.refuse(self._head_too_large())

    def refuse(self, problem: HttpError) -> None:
        """Stop reading. The first reason counts; it is reported in the current request's format."""
        if self.refusal:
            return
        incoming = self._incoming or Incoming(self._method(), "", {}, b"", self._listener.number())
        incoming.keep_alive, incoming.began = False, time.perf_counter()
        self._share.give_back(sum(map(len, self._body)))
        self._body = []
        incoming.refused = incoming.refused or incoming.problem(problem)
        self.refusal = incoming

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self.under_way = True
        self._incoming = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_size = self._size = 0
        self.patience, self.parts = self._bounds.head_time, self.parts + 1

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url
        self._unparsed = 0
        self._head_size += len(url)
        if self._head_size > self._bounds.head:
            raise self._head_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; values of the same name are joined (RFC 9110, 5.3). Trailers are dropped."""
        self._unparsed = 0
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self._bounds.head:
            raise self._head_too_large()
        if self._incoming:
            return
        key, text = KNOWN.get(name) or name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self._headers:
            if key == "host":
                raise HttpError(400, "two Host headers", "bad_request")
            text = f"{self._headers[key]}, {text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        """The body comes next, unless the head is wrong."""
        if self._parser.should_upgrade():  # parsed again without its upgrade, unless it is CONNECT
            return
        headers, version = self._headers, self._parser.get_http_version()
        if version != "1.1" or "host" not in headers or "transfer-encoding" in headers:
            self._check(version)
        target = self._target.decode("latin-1")
        path, _, query = (target if target[0] == "/" else self._relative(target)).partition("?")
        if path[-1] == "/":
            path = path.rstrip("/") or "/"
        given = headers.get("x-request-id")
        self._incoming = incoming = Incoming(
            self._parser.get_method().decode("latin-1"),
            unquote(path),
            headers,
            b"",
            given if given and _ID.fullmatch(given) else self._listener.number(),
            self._parser.should_keep_alive(),
            version == "1.1",
            query=query,
        )
        self._listener.begin(incoming)
        if "content-length" in headers and int(headers["content-length"]) > self._bounds.body and not incoming.file:
            raise self._body_too_large()
        if "expect" in headers:
            self._welcome(incoming)
        self.patience, self.parts = self._bounds.body_time, self.parts + 1

    def on_body(self, data: bytes) -> None:
        """A part of the body; it is discarded if the head has decided the response."""
        self._unparsed = 0
        if self._incoming and self._incoming.file:
            return self._write(self._incoming.file, data)
        self._size += len(data)
        if self._size > self._bounds.body:
            raise self._body_too_large()
        if self._incoming and self._incoming.refused:
            return None
        self._body.append(data)
        if not self._share.take(len(data)):
            raise HttpError(503, "too many large requests at once", "overloaded", wait=1)
        return None

    def _write(self, file: BinaryIO, data: bytes) -> None:
        """Write a part of a body into its file; each part restarts the client's timeout."""
        try:
            file.write(data)
        except OSError as error:
            raise HttpError(507, f"the body cannot be written down: {error.strerror}", "no_room") from error
        self.parts += 1

    def on_message_complete(self) -> None:
        """A request is complete."""
        incoming = self._incoming
        if incoming is None:
            return
        self.under_way, self._unparsed, self._incoming = False, 0, None
        incoming.body, self._body = b"".join(self._body), []
        incoming.began = time.perf_counter()
        self.patience, self.parts = self._bounds.idle_time, self.parts + 1
        self._listener.take(incoming)

    def _check(self, version: str) -> None:
        """Check RFC 9112: the version, one Host (3.2), and an unambiguous length (6.1)."""
        if version not in VERSIONS:
            if version == "0.9":
                raise HttpError(400, "the request line has no known HTTP version", "bad_request")
            raise HttpError(505, f"HTTP version {version} is not supported", "bad_request")
        if version == "1.1" and "host" not in self._headers:
            raise HttpError(400, "no Host header", "bad_request")
        coding = self._headers.get("transfer-encoding")
        if coding is None:
            return
        if version == "1.0":
            raise HttpError(400, "transfer-encoding is not allowed in HTTP/1.0", "bad_request")
        if coding.lower() != "chunked":
            raise HttpError(501, "only chunked transfer-encoding is supported", "unsupported_transfer_encoding")

    def _relative(self, target: str) -> str:
        """The path and query of an absolute target, whose authority replaces the Host (RFC 9112, 3.2.2)."""
        if target == "*":
            return target
        absolute = _ABSOLUTE.fullmatch(target)
        if not absolute:
            raise HttpError(400, "the target is neither a path nor an http URL", "bad_request")
        self._headers["host"] = absolute[1]
        return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"

    def _welcome(self, incoming: Incoming) -> None:
        """Send 100 Continue to a client that waits for it, unless the request would be refused."""
        if not incoming.chunked:  # HTTP/1.0 has no 100 Continue
            return
        if self._headers["expect"].lower() != "100-continue":
            raise HttpError(417, "only the expectation 100-continue is supported", "expectation_failed")
        if incoming.refused:
            raise HttpError(incoming.refused.status, "")  # its response is made
        self._listener.welcome()

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Parse the request again without its Upgrade header, because of which the parser would skip the body.

        Java's HTTP client requests an upgrade to HTTP/2 in its first request.
        """
        if self._headers.pop("upgrade", None) is None:
            connect = HttpError(405, "this is not a proxy", "method_not_allowed")
            return self.refuse(connect.with_header("allow", "GET, HEAD, POST, OPTIONS"))
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        line = b"%b %b HTTP/%b\r\n" % (method, self._target, version)
        head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items()).encode("latin-1")
        self._parser = httptools.HttpRequestParser(self)
        return self.feed(line + head + b"\r\n" + rest)

    def _method(self) -> str:
        return self._parser.get_method().decode("latin-1") if self._target else ""

    def _head_too_large(self) -> HttpError:
        return HttpError(431, f"the request's head is larger than {self._bounds.head} bytes", "head_too_large")

    def _body_too_large(self) -> HttpError:
        return HttpError(413, f"the request's body is larger than {self._bounds.body} bytes", "body_too_large")
