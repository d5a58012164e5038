"""The core's vocabulary: how to answer a request; and the formats' vocabulary."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, get_args

from samplemind_cli.errors import UsageError
from samplemind_cli.formats.types import (
    ABILITIES,
    COMPLETE,
    CONSTRAINTS,
    EFFORTS,
    PARAMETERS,
    PASSING,
    Answer,
    Call,
    Chunk,
    Client,
    Counter,
    Embedder,
    Embeddings,
    Endpoint,
    Fault,
    FaultKind,
    FaultReader,
    Finish,
    Format,
    Inputs,
    Kept,
    Media,
    MediaKind,
    Message,
    Opaque,
    Part,
    Reader,
    Refusal,
    Request,
    Role,
    Route,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    attachment,
)
from samplemind_cli.providers import Priority, Provider, Task

__all__ = [
    "ABILITIES",
    "COMPLETE",
    "CONSTRAINTS",
    "EFFORTS",
    "PARAMETERS",
    "PASSING",
    "PRIORITIES",
    "Answer",
    "Call",
    "Chunk",
    "Client",
    "Counter",
    "Embedder",
    "Embeddings",
    "Endpoint",
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
    "Options",
    "Origin",
    "Part",
    "Priority",
    "Provider",
    "Reader",
    "Refusal",
    "Request",
    "Role",
    "Route",
    "Task",
    "TaskType",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "Usage",
    "attachment",
]

CacheUse = Literal["use", "refresh", "off"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


class TaskType(StrEnum):
    """What a prompt is for."""

    GENRE_CLASSIFICATION = "genre"
    AUDIO_ANALYSIS = "audio"
    CREATIVE = "creative"
    FACTUAL = "factual"
    TOOL_CALLING = "tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The caller: our command or, for `serve`, the client's name, its session and its agent.

    `batch`: which one it belongs to.
    """

    command: str = "library"
    client: str = ""
    session: str = ""
    agent: str = ""
    batch: str = ""
    waited: float = 0.0  # seconds in line before this


@dataclass(slots=True)
class Allowance:
    """What one question may still cost, in dollars: each call that is made for it takes its cost away."""

    left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to answer a request; nothing here changes the prompt.

    `provider` or `model`: only that one. `cache`: "use" it, "refresh" its entry, or leave it "off".
    `ttl`: the maximum age of an entry in seconds, and the lifetime of a new one; `max_age`: the maximum age for this
    request alone. `timeout`: seconds for the whole answer. `max_cost`: dollars that it may cost at most. `models`:
    patterns of PROVIDER/MODEL that are allowed. `origin`: the caller, for the ledger, which holds the texts, too,
    where `keep_content` says so. `allowance` is the core's, of what is left of `max_cost`.
    """

    task: Task = "factual"
    priority: Priority = "speed"
    provider: str = ""
    model: str = ""
    fallback: bool = True
    cache: CacheUse = "use"
    ttl: float | None = None
    max_age: float | None = None
    timeout: float | None = None
    max_cost: float | None = None
    models: tuple[str, ...] = ()
    origin: Origin = Origin()
    keep_content: bool = False
    allowance: Allowance | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raise UsageError for an unknown word, a negative number or NaN."""
        for name, words in _KNOWN.items():
            if getattr(self, name) not in words:
                raise UsageError(
                    f"there is no {name} {getattr(self, name)!r}", f"known: {', '.join(filter(None, words))}"
                )
        for name in ("ttl", "max_age", "timeout", "max_cost"):
            if (number := getattr(self, name)) is not None and not number >= 0:  # NaN is not either
                raise UsageError(f"{name} is {number!r}: it must be 0 or more", f"leave {name} out, or name a number")

    def for_one_question(self) -> "Options":
        """The same, with what `max_cost` allows where it allows something."""
        return self if self.max_cost is None else replace(self, allowance=Allowance(self.max_cost))


_KNOWN = {
    "task": get_args(Task),
    "priority": PRIORITIES,
    "cache": get_args(CacheUse),
}
