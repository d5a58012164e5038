"""An answer, independent of formats: what its events add, how it ends, and the whole of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from samplemind_cli.formats.parts import Format, Opaque, Part, Text, Thinking, ToolCall

# "stop" and "tool_calls" are complete answers. "unknown": the provider sent an unknown finish reason.
Finish = Literal["stop", "tool_calls", "length", "refusal", "filtered", "unknown"]
COMPLETE: frozenset[Finish] = frozenset({"stop", "tool_calls"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model's base URL without a trailing slash, its name there, and the API key, if one is needed."""

    base_url: str = field(repr=False)  # may carry a password: router.shown
    model: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as counted by the provider; None: not reported.

    `input_tokens` is the whole prompt and includes `cached_tokens`, those that the provider read from its own prompt
    cache, and `cache_write_tokens`, those that it wrote there; `output_tokens` includes `reasoning_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None

    def updated(self, later: "Usage") -> "Usage":
        """The usage, updated by a later report of the same answer; a later 0 does not count."""
        pairs = zip(self.counts(), later.counts(), strict=True)
        return Usage(*(old if new is None or (new == 0 and old) else new for old, new in pairs))

    def counts(self) -> tuple[int | None, ...]:
        """All five counts, in the order of the fields."""
        return (
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
            self.reasoning_tokens,
            self.cache_write_tokens,
        )


FaultKind = Literal[
    "auth", "credit", "quota", "rate", "overloaded", "request", "unsupported", "not_found", "too_long", "address",
    "server",
]  # fmt: skip
PASSING: frozenset[FaultKind] = frozenset({"rate", "overloaded", "server"})  # another try may help


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider's error unchanged, except that keys are removed: its body, in the format `origin`.

    `status` is 0 if it came inside an answer; `headers` are those about retries.
    """

    body: Any
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: Format = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A provider's error, classified: its kind decides what happens next, its message is the provider's.

    auth: the key is refused. credit: no credit left, also as a 429. quota: a quota per day or month is used up. rate,
    overloaded, server: a retry may help, after `wait` seconds if given. request: it is invalid. unsupported: this model
    cannot do it. not_found: no such model. too_long: the prompt does not fit. address: the URL is not a provider's.
    `passing`: it came inside an answer, and its code or message says that a retry may help. `param`: the named field.
    """

    kind: FaultKind
    message: str
    wait: float | None = None
    passing: bool = field(default=False, compare=False)
    param: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A provider and model that may answer. `skipped`: why it was not used; `fix`: the command that would change that.

    `lacks`: the request's constraints that the provider does not support; `dropped`: the hints that it does not
    support, which are left out. `outcome`: it was not tried, or nothing listened at its URL, or it failed otherwise.
    """

    provider: str
    endpoint: Endpoint
    skipped: str = ""
    fix: str = ""
    outcome: Literal["untried", "refused", "failed"] = "untried"
    lacks: frozenset[str] = frozenset()
    dropped: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`PROVIDER/MODEL`."""
        return f"{self.provider}/{self.endpoint.model}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one event of an answer adds: thinking, then text, then calls. `whole`: it is the answer from its beginning.

    The last `finish` of a stream counts. A `fault` ends the answer. `others` are further choices, by index, if several
    were requested. `signature` ends the thinking before it; `block` stands alone. `pieces` are the chunk's content in
    order, if one event adds several things. `late`: the event is a summary with content that no earlier event had.
    `events`: the provider's own events with this content, in its format, `origin`; None if they must not be passed on.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    model: str = ""  # which one answers, as the provider calls it
    signature: str = ""
    thought_id: str = ""  # the provider's id of the thinking, if the signature covers that, too
    block: Thinking | Opaque | None = None
    refusal: bool = False  # its text is the reason why there is no answer
    logprobs: tuple[Any, ...] = ()
    stop_sequence: str = ""
    whole: bool = False
    late: bool = False
    others: "tuple[tuple[int, Chunk], ...]" = ()
    pieces: "tuple[Chunk, ...]" = field(default=(), compare=False)
    held: float = 0.0  # seconds that the call waited for our own limits; on the first chunk
    dropped: tuple[str, ...] = ()  # fields that its model refuses, which were left out; on the first chunk
    events: tuple[Any, ...] | None = None
    origin: Format = ""
    answer: "Answer | None" = None  # set by the core, only on the last chunk
    route: Route | None = None  # set by the core, only on the first chunk: who answers

    def in_order(self, *, begun: bool) -> "tuple[Chunk, ...]":
        """The content, one thing after the other; a whole answer after a part of it (`begun`) is not split."""
        return (self,) if self.whole and begun else self.pieces

    def native_events(self, own: Format) -> tuple[Any, ...] | None:
        """The provider's events, if they are in this format; else None."""
        return self.events if self.origin == own else None


@dataclass(frozen=True, slots=True)
class Kept:
    """The local file that holds an answer, and its expiry (unix time)."""

    path: str
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, its parts in order, and its provenance. `latency_ms` is this call's own, cached or not.

    `others` are further choices, if several were requested. If not `sound`, something in it is invalid, such as
    arguments that do not parse, and it is never cached.
    """

    parts: tuple[Part, ...]
    provider: str
    model: str
    key: str
    finish_reason: Finish
    usage: Usage = Usage()
    cached: Literal[False, "local", "redis"] = False
    latency_ms: float = 0.0
    others: "tuple[Answer, ...]" = ()
    logprobs: tuple[Any, ...] = ()
    stop_sequence: str = ""
    sound: bool = True
    dropped: tuple[str, ...] = ()  # fields that its model refuses, which were left out
    passed: tuple[Route, ...] = ()  # the routes before the one that answered
    kept: Kept | None = None

    @property
    def text(self) -> str:
        """The text."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """The thinking, as far as the provider reports it."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """A vector for each text, in order, and their provenance. `tokens`: counted by the provider; None: not reported."""

    vectors: tuple[tuple[float, ...], ...]
    provider: str
    model: str
    tokens: int | None = None
    cached: Literal[False, "local", "redis"] = False
