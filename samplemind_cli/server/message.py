"""What handlers take and return: a whole request; a reply, a stream or a problem."""

from asyncio import BaseTransport
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

import orjson

from samplemind_cli.formats import types as formats
from samplemind_cli.formats.openai_chat import server as openai_chat
from samplemind_cli.formats.types import FaultKind, Format
from samplemind_cli.server.client_keys import ClientKey

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(slots=True)
class Outcome:
    """What metrics and logs record of a request: who answered, from which tier, and how it ended."""

    provider: str = ""
    model: str = ""
    cache: str = ""
    error: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    passed: tuple[str, ...] = ()  # providers that it fell back from
    first_token_ms: float = 0.0  # from the complete request to the answer's first token; 0 when there was none
    left_out: tuple[str, ...] = ()  # the parts of the answer that the client's format lacks
    held: float = 0.0  # seconds that it waited for a provider's requests per minute
    answer: str = ""  # the text, for `--log-content`
    ended: bool = False  # the stream's last event is being sent: a client that disconnects now has the whole answer
    repetition: bytes = b""  # the ledger's record of an answer from this process's memory


@dataclass(slots=True)
class Reply:
    """A whole response."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(slots=True)
class Stream:
    """A response whose events are sent one by one; a consumer that stops early must close `events`."""

    events: AsyncGenerator[bytes, None]
    headers: dict[str, str]
    outcome: Outcome
    kind: str = EVENTS


class HttpError(Exception):
    """An error response, with the codes of platform.openai.com/docs/guides/error-codes.

    See `formats.types.Problem`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "",
        *,
        param: str | None = None,
        wait: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or None
        self.param = param
        self.wait = wait
        self.kind: FaultKind | None = None
        self.provider_body: Any = None  # the provider's own error, which is passed on
        self.headers: dict[str, str] = {}

    def with_header(self, name: str, value: str) -> Self:
        """The same problem with one more header."""
        self.headers[name] = value
        return self

    @property
    def facts(self) -> formats.Problem:
        """The problem as a format's room takes it."""
        return formats.Problem(
            self.status, str(self), self.code or "", self.param, self.wait, self.kind, self.provider_body
        )

    def reply(self, shape: "ErrorShape | None" = None) -> Reply:
        """The problem as a response in a format's shape, by default OpenAI's. `retry-after` is in whole seconds."""
        headers = {} if self.wait is None else {"retry-after": str(max(1, round(self.wait)))}
        if self.code == "insufficient_quota":  # the official clients would retry at once
            headers["x-should-retry"] = "false"
        body = orjson.dumps((shape or openai_chat.error)(self.facts))
        error = self.code or openai_chat.error_type(self.status)
        return Reply(body, self.status, {**headers, **self.headers}, outcome=Outcome(error=error))


ErrorShape = Callable[[formats.Problem], Any]  # a problem as the JSON value that a format's clients read
Handler = Callable[["Incoming"], Awaitable[Reply | Stream]]


async def _nowhere(_: "Incoming") -> Reply:
    raise HttpError(404, "there is nothing here", "not_found")


@dataclass(slots=True)
class Incoming:
    """One HTTP request. Header names are in lower case; `path` is decoded, without query and trailing slash."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    id: str
    keep_alive: bool = True
    chunked: bool = True  # HTTP/1.0 has no chunked encoding
    began: float = 0.0  # of time.perf_counter
    waited: float = 0.0  # seconds in the queue
    span: Any = None  # telemetry's, where it is on
    query: str = ""
    # Decided from the head, before the body is read.
    handler: Handler = _nowhere
    route: str = "other"  # the pattern of its path, as metrics name it
    params: tuple[str, ...] = ()  # the values of the pattern's {names}
    format: Format = ""  # of its body, once that is read
    error: ErrorShape | None = None  # how its format writes a problem
    trusted: bool = True  # it has the token, or none is set
    key: ClientKey | None = None  # the client's named key, if it has one
    refused: Reply | None = None  # the response, if the head alone decides it
    added: dict[str, str] | None = None  # headers of every response to it
    transport: BaseTransport | None = None  # of the connection that it came on
    file: BinaryIO | None = None  # the file for its body, if that may be larger than memory

    @property
    def client(self) -> str:
        """The client's name; empty where it has no key of its own."""
        return self.key.name if self.key else ""

    def problem(self, problem: HttpError) -> Reply:
        """A problem in the client's format."""
        return problem.reply(self.error)
