"""What every format's rooms speak of, and what a room offers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from samplemind_cli.formats.answer import (
    COMPLETE,
    Answer,
    Chunk,
    Embeddings,
    Endpoint,
    Fault,
    FaultKind,
    Finish,
    Kept,
    Route,
    Usage,
)
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
from samplemind_cli.formats.request import ABILITIES, CONSTRAINTS, EFFORTS, PARAMETERS, Request

__all__ = [
    "ABILITIES",
    "COMPLETE",
    "CONSTRAINTS",
    "EFFORTS",
    "PARAMETERS",
    "Answer",
    "Call",
    "Chunk",
    "Client",
    "Embedder",
    "Embeddings",
    "Endpoint",
    "Fault",
    "FaultKind",
    "FaultReader",
    "Finish",
    "Format",
    "Kept",
    "Media",
    "MediaKind",
    "Message",
    "Opaque",
    "Part",
    "Reader",
    "Request",
    "Role",
    "Route",
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

    def fault(self, status: int, body: Any) -> Fault:
        """What an error response means: its status and decoded body (a dict, a list, a string, or None)."""

    def models(self, endpoint: Endpoint) -> Call:
        """The call for the list of models."""

    def read_models(self, body: Any) -> list[str]:
        """Their names."""


class Embedder(Protocol):
    """What a format's client offers besides, whose provider turns texts into vectors."""

    def embed(self, texts: Sequence[str], dimensions: int | None, endpoint: Endpoint) -> Call:
        """The call for texts; `dimensions` None: as many as the model has."""

    def read_embeddings(self, body: Any) -> tuple[list[list[float]], int | None]:
        """The vectors in the texts' order, and the tokens counted."""


FaultReader = Callable[[int, Any], Fault]
