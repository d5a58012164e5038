"""What the dialects share: reading requests, errors, framing of events."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec


class ApiError(NamedTuple):
    """An error: HTTP status, message, and the dialect's code for it."""

    status: int
    message: str
    code: str = ""
    param: str | None = None


class RefusedRequest(Exception):  # noqa: N818 - not a fault of the mock
    """A request that the real provider would reject too."""

    def __init__(self, status: int, message: str, code: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.error = ApiError(status, message, code, param)


class Event(NamedTuple):
    """One event of a stream; `token`: it carries a word, so it is paced."""

    data: Any
    token: bool = False


class Framing(NamedTuple):
    """How events become bytes."""

    media_type: str
    frame: Callable[[Any], bytes]
    opening: bytes = b""
    between: bytes = b""
    closing: bytes = b""

    def frames(self, events: Iterable[Event]) -> Iterator[tuple[bytes, bool]]:
        """The bytes of each event, and whether it carries a word."""
        before = self.opening
        for event in events:
            yield before + self.frame(event.data), event.token
            before = self.between


@dataclass(frozen=True)
class Document:
    """A reply that needs no generation. `of_model`: faults and latency apply to it."""

    body: Any
    of_model: bool = False


@dataclass(frozen=True)
class Generated:
    """A generated reply: `whole` and `events` encode `answer` in the dialect."""

    request: PromptRequest
    whole: Callable[[PromptRequest, ScriptedAnswer], Any]
    events: Callable[[PromptRequest, ScriptedAnswer], Iterator[Event]]
    framing: Framing
    answer: ScriptedAnswer = field(default_factory=ScriptedAnswer)


Reply = Document | Generated
Handler = Callable[[HttpRequest, tuple[str, ...]], Reply]


class Dialect(Protocol):
    """The interface of each module of this package.

    ERRORS: by kind of fault, the errors with more than a status. MIDSTREAM: the one sent inside a 200. `reply` may
    raise RefusedRequest. `error_body`: an error's body, and the data of an error event.
    """

    NAME: str
    ERRORS: dict[str, ApiError]
    MIDSTREAM: ApiError

    def reply(self, request: HttpRequest, models: tuple[str, ...]) -> Reply:  # noqa: D102 - the class says it
        ...

    def error_body(self, error: ApiError) -> Any:  # noqa: D102 - the same
        ...


def encode(data: Any) -> bytes:
    """Compact JSON; bytes and strings are passed unchanged."""
    if isinstance(data, bytes):
        return data
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _named(data: Any) -> bytes:
    name = data["type"] if isinstance(data, Mapping) else "content_block_delta"
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode(data))


NDJSON = Framing("application/x-ndjson", lambda data: encode(data) + b"\n")
SSE = Framing("text/event-stream", lambda data: b"data: " + encode(data) + b"\n\n")
NAMED_SSE = Framing("text/event-stream", _named)  # the event's name repeats its type
ARRAY = Framing("application/json", encode, b"[", b",\r\n", b"]")  # Gemini's stream without alt=sse


def find_handler(routes: Mapping[tuple[str, str], Handler], request: HttpRequest) -> Handler:
    """The handler of a request's method and path. Raises RefusedRequest."""
    handler = routes.get(("GET" if request.method == "HEAD" else request.method, request.path))
    if handler is None:
        known = any(path == request.path for _, path in routes)
        raise RefusedRequest(405 if known else 404, f"{request.method} {request.path} does not exist", "unknown_url")
    return handler


def body_of(request: HttpRequest, complaint: str) -> dict[str, Any]:
    """The body, a JSON object. Raises RefusedRequest with the provider's `complaint`."""
    try:
        body = request.json
    except ValueError:
        raise RefusedRequest(400, complaint) from None
    if not isinstance(body, dict):
        raise RefusedRequest(400, complaint)
    return body


def invalid_field(body: Mapping[str, Any], required: Mapping[str, type]) -> tuple[str, bool] | None:
    """The first required field that is wrong, and whether it is missing; None when all are there."""
    for name, kind in required.items():
        if not isinstance(body.get(name), kind):
            return name, body.get(name) is None
    return None


def choose_tool(tools: Iterable[ToolSpec], names: Iterable[str] = ()) -> ToolSpec | None:
    """The first tool with one of these names; without names, the first one."""
    allowed = list(names)
    return next((tool for tool in tools if not allowed or tool.name in allowed), None)


def messages_after(messages: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    """The messages after the last one of that role."""
    last = max((n for n, message in enumerate(messages) if message.get("role") == role), default=-1)
    return messages[last + 1 :]


def whole_number(value: Any) -> int | None:
    """A limit, if given and not negative: Ollama's -1 means none."""
    return value if isinstance(value, int) and value >= 0 else None


def strings(value: Any) -> list[str]:
    """The texts to embed: one, or a list; a token id counts as a text."""
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]
