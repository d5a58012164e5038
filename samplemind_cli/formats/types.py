"""What every format's rooms speak of, and what a room offers."""

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
    """One HTTP request, described and not made. `url` and `headers` may carry a key and are never shown."""

    url: str = field(repr=False)
    json: Any  # None: no body
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"


class Reader(Protocol):
    """Reads the decoded events of one answer, in order."""

    def __call__(self, event: Any) -> Chunk:
        """What one event adds, or the whole answer where it was not streamed."""


class Client(Protocol):
    """What `formats/*/client.py` offers: how a provider of this format is asked and read; no I/O."""

    def takes(self, name: str, request: Request, endpoint: Endpoint) -> bool:
        """Whether this provider has a word for one of `request.needs` or `request.wishes`."""

    def chat(self, request: Request, endpoint: Endpoint) -> Call:
        """The call for a request; its answer is always streamed."""

    def reader(self, request: Request) -> Reader:
        """What reads the answer to a request."""

    def readable(self, event: Any) -> bool:
        """Whether a client of this format can read an event as it came: its fields have the documented kinds."""

    def fault(self, status: int, body: Any) -> Fault:
        """What an error response means: its status and decoded body (a dict, a list, a string, or None)."""

    def models(self, endpoint: Endpoint) -> Call:
        """The call for the list of models."""

    def read_models(self, body: Any) -> list[str]:
        """Their names."""


class Events(Protocol):
    """Tells one streamed answer in a client's format; `kind` is its media type.

    `waits`: the format has a word that keeps a client waiting (`idle`) while a provider is silent.
    """

    kind: str
    waits: bool

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """What a chunk says; the last one carries the whole answer, and one out of the cache is the only one."""

    def end(self) -> bytes:
        """What follows the last chunk."""

    def failed(self, problem: "Problem") -> bytes:
        """An error after the first event; nothing follows it."""

    def idle(self) -> bytes:
        """What keeps a client waiting while a provider is silent; nothing unless it `waits`."""


class Server(Protocol):
    """What `formats/*/server.py` offers: how a client of this format is read and answered; no I/O."""

    def read(self, fields: Fields) -> Request:
        """The request in a body. Raises BadRequestError."""

    def streams(self, fields: Fields) -> bool:
        """Whether the answer is to come in events."""

    def whole(self, answer: Answer, number: str, fields: Fields) -> bytes:
        """A whole answer; `number` makes its id."""

    def events(self, number: str, model: str, fields: Fields) -> Events:
        """Writes a streamed answer; `model` is what was asked for, until a chunk names its route."""

    def error(self, problem: "Problem") -> dict[str, Any]:
        """A problem as the format's clients read it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no answer: an HTTP status, the message, a word for it, and the field that is wrong.

    `param` is the field's name in the client's format, or in ours, which each room says in its own words. `wait`:
    seconds until another try may help; `kind`: the provider's own fault, where it is one; `said`: the body that the
    provider refused it with in this very format.
    """

    status: int
    message: str
    code: str = ""
    param: str | None = None
    wait: float | None = None
    kind: FaultKind | None = None
    said: Any = None


Inputs = Sequence[str] | Sequence[Sequence[int]]  # texts, or each as the ids of its tokens


class Embedder(Protocol):
    """What a format's client offers besides, whose provider turns texts into vectors."""

    def embed(self, texts: Inputs, dimensions: int | None, endpoint: Endpoint) -> Call:
        """The call for texts; `dimensions` None: as many as the model has."""

    def read_embeddings(self, body: Any) -> tuple[list[list[float]], int | None]:
        """The vectors in the texts' order, and the tokens counted."""


class Counter(Protocol):
    """What a format's client offers besides, whose provider counts a prompt's tokens."""

    def count(self, request: Request, endpoint: Endpoint) -> Call:
        """The call that has a request's tokens counted."""

    def read_count(self, body: Any) -> int | None:
        """The tokens; None where it does not say."""


FaultReader = Callable[[int, Any], Fault]
