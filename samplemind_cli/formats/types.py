"""The types of every format's room, and the protocols that a room implements."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from samplemind_cli.formats.answer import (
    COMPLETE,
    PASSING,
    Answer,
    Chunk,
    Embeddings,
    Endpoint,
    Fault,
    FaultKind,
    Finish,
    Kept,
    Refusal,
    Route,
    Usage,
)
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.parts import (
    Format,
    Media,
    MediaKind,
    Message,
    Opaque,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    attachment,
)
from samplemind_cli.formats.request import ABILITIES, ATTACHMENTS, CONSTRAINTS, EFFORTS, NO_TOKENS, PARAMETERS, Request

__all__ = [
    "ABILITIES",
    "ATTACHMENTS",
    "COMPLETE",
    "CONSTRAINTS",
    "EFFORTS",
    "NO_TOKENS",
    "PARAMETERS",
    "PASSING",
    "Answer",
    "Call",
    "Chunk",
    "Client",
    "Counter",
    "Embedder",
    "Embeddings",
    "Endpoint",
    "Events",
    "Fault",
    "FaultKind",
    "FaultReader",
    "Finish",
    "Format",
    "Inputs",
    "Kept",
    "Media",
    "MediaKind",
    "Message",
    "Opaque",
    "Part",
    "Problem",
    "Reader",
    "Refusal",
    "Request",
    "Role",
    "Route",
    "Server",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "Usage",
    "attachment",
]


@dataclass(frozen=True, slots=True)
class Call:
    """The description of an HTTP request. `url` and `headers` may hold a key and are never shown."""

    url: str = field(repr=False)
    json: Any  # None: no body
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"


class Reader(Protocol):
    """Reads the decoded events of one answer, in order."""

    def __call__(self, event: Any) -> Chunk:
        """What one event adds, or the whole answer if it was not streamed."""


class Client(Protocol):
    """`formats/*/client.py`: makes calls to a provider of this format and reads its responses; no I/O."""

    def takes(self, name: str, request: Request, endpoint: Endpoint) -> bool:
        """Whether this provider supports one of `request.needs` or `request.wishes`."""

    def chat(self, request: Request, endpoint: Endpoint) -> Call:
        """The call for a request; its answer is always streamed."""

    def reader(self, request: Request) -> Reader:
        """The reader of the answer to a request."""

    def readable(self, event: Any) -> bool:
        """Whether a client of this format can read an event unchanged: its fields have the documented types."""

    def fault(self, status: int, body: Any) -> Fault:
        """The fault in an error response: its status and decoded body (a dict, a list, a string, or None)."""

    def models(self, endpoint: Endpoint) -> Call:
        """The call for the list of models."""

    def read_models(self, body: Any) -> list[str]:
        """The models' names in the response."""


class Events(Protocol):
    """Writes one streamed answer in a client's format; `kind` is its media type.

    `waits`: the format has a ping (`idle`) for a client while a provider is silent.
    """

    kind: str
    waits: bool

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk; the last one has the whole answer, and a cached answer is a single chunk."""

    def end(self) -> bytes:
        """The bytes after the last chunk."""

    def failed(self, problem: "Problem") -> bytes:
        """An error after the first event; nothing follows it."""

    def idle(self) -> bytes:
        """A ping while a provider is silent; empty unless it `waits`."""


class Server(Protocol):
    """`formats/*/server.py`: reads requests of clients of this format and writes the responses; no I/O."""

    def read(self, fields: Fields) -> Request:
        """The request in a body. Raises BadRequestError."""

    def streams(self, fields: Fields) -> bool:
        """Whether the answer must be streamed."""

    def whole(self, answer: Answer, number: str, fields: Fields) -> bytes:
        """A whole answer; its id is made of `number`."""

    def events(self, number: str, model: str, fields: Fields) -> Events:
        """The writer of a streamed answer; `model` is the requested one, until a chunk names its route."""

    def error(self, problem: "Problem") -> dict[str, Any]:
        """A problem in the format's shape."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error: an HTTP status, the message, a code, and the invalid field.

    `param` is the field's name in the client's format, or ours, which each room translates. `wait`: seconds until a
    retry may help; `kind`: that of a provider's fault; `provider_body`: the provider's own error, if it is in this
    format.
    """

    status: int
    message: str
    code: str = ""
    param: str | None = None
    wait: float | None = None
    kind: FaultKind | None = None
    provider_body: Any = None


Inputs = Sequence[str] | Sequence[Sequence[int]]  # texts, or each as its token ids


class Embedder(Protocol):
    """The additional functions of a client whose provider creates embeddings."""

    def embed(self, texts: Inputs, dimensions: int | None, endpoint: Endpoint) -> Call:
        """The call for texts; `dimensions` None: the model's default."""

    def read_embeddings(self, body: Any) -> tuple[list[list[float]], int | None]:
        """The vectors in the texts' order, and the tokens counted."""


class Counter(Protocol):
    """The additional functions of a client whose provider counts tokens."""

    def count(self, request: Request, endpoint: Endpoint) -> Call:
        """The call that counts a request's tokens."""

    def read_count(self, body: Any) -> int | None:
        """The tokens in the response; None if there are none."""


FaultReader = Callable[[int, Any], Fault]
