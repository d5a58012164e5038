"""What a handler gets and gives: a request read whole, a reply, a stream, or a problem in OpenAI's shape."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import orjson

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(slots=True)
class Incoming:
    """One HTTP request, read whole. Header names are in lower case; `path` has no query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    id: str
    keep_alive: bool = True
    chunked: bool = True  # HTTP/1.0 knows no chunks
    began: float = 0.0  # of time.perf_counter
    span: Any = None  # telemetry's, where it is on


@dataclass(slots=True)
class Outcome:
    """What metrics and logs tell of a request: who answered, out of which tier, and how it ended."""

    provider: str = ""
    model: str = ""
    cache: str = ""
    error: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    passed: tuple[str, ...] = ()  # providers that were asked first and could not answer
    answer: str = ""  # in words, where the log is to hold them


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
    """A response whose server-sent events come one by one; whoever stops early closes `events`."""

    events: AsyncGenerator[bytes, None]
    headers: dict[str, str]
    outcome: Outcome


class Problem(Exception):  # noqa: N818 - it is what a client is told, and often not an error of ours
    """Why there is no answer: platform.openai.com/docs/guides/error-codes, and what its clients do with it."""

    def __init__(
        self, status: int, message: str, code: str = "", *, param: str | None = None, wait: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or None
        self.param = param
        self.wait = wait

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {"error": {"message": str(self), "type": self._type, "param": self.param, "code": self.code}}

    @property
    def _type(self) -> str:
        known = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
        return known.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP

    def reply(self) -> Reply:
        """The problem as a response. `retry-after` is in whole seconds, as HTTP has it."""
        headers = {} if self.wait is None else {"retry-after": str(max(1, round(self.wait)))}
        return Reply(orjson.dumps(self.error), self.status, headers, outcome=Outcome(error=self.code or self._type))
