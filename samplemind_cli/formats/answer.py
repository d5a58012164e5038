"""An answer in no provider's words: what its events add, how it ends, and the whole of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from samplemind_cli.formats.parts import Format, Opaque, Part, Text, Thinking, ToolCall

# "stop" and "tool_calls" are complete answers. "unknown": the provider named an end that nobody knows.
Finish = Literal["stop", "tool_calls", "length", "refusal", "filtered", "unknown"]
COMPLETE: frozenset[Finish] = frozenset({"stop", "tool_calls"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers: a base URL without a trailing slash, the model's name there, the key if one is needed."""

    base_url: str = field(repr=False)  # may carry a password: router.shown
    model: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None where it said nothing.

    `input_tokens` is the whole prompt and includes `cached_tokens`, those the provider read from its own prompt
    cache, and `cache_write_tokens`, those it wrote there; `output_tokens` includes `reasoning_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None

    def updated(self, later: "Usage") -> "Usage":
        """What a later report of the same answer says, over what this one said; a 0 is no correction."""
        pairs = zip(self.counts(), later.counts(), strict=True)
        return Usage(*(mine if new is None or (new == 0 and mine) else new for mine, new in pairs))

    def counts(self) -> tuple[int | None, ...]:
        """All five, in order."""
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
    """A provider's error as it came, but for keys: its body, in the words of `origin`.

    `status` is 0 where it came inside an answer; `headers` are those that say whether and when to try again.
    """

    body: Any
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: Format = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A provider's own error, read: its kind decides what happens next, its message is the provider's.

    auth: the key is refused. credit: no money, also as a 429. quota: a day's or month's share is spent. rate,
    overloaded, server: worth another try, after `wait` seconds where it says so. request: it is wrong. unsupported:
    this model cannot do it. not_found: no such model. too_long: the prompt does not fit. address: that is no provider.
    `passing`: it came inside an answer, and says by its code or words that another try may help. `param`: the field
    that it names.
    """

    kind: FaultKind
    message: str
    wait: float | None = None
    passing: bool = field(default=False, compare=False)
    param: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to an answer. `skipped` says why it led to none, `fix` which command would change that.

    `lacks`: what is asked for and the provider does not take; `dropped`: what it is not told, since it has no word for
    it. `outcome`: it was not tried, or it was and nothing listened at its address, or it failed otherwise.
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

    The last `finish` of a stream counts. A `fault` is the end of the answer. `others` are further choices of the same
    answer, where several were asked for, by their index. `signature` ends the thinking before it; `block` stands alone.
    `pieces` say the same as the chunk, in their order, where one event adds several things. `late`: the event sums up
    what no event before it said.
    `events`: the provider's own that say this, and what they said in between, in its format, `origin`; None where only
    the chunk may be told.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    model: str = ""  # which one answers, in the provider's words
    signature: str = ""
    thought_id: str = ""  # what its provider calls the thinking, where a signature is of that too
    block: Thinking | Opaque | None = None
    refusal: bool = False  # its text says why there is no answer
    logprobs: tuple[Any, ...] = ()
    stop_sequence: str = ""
    whole: bool = False
    late: bool = False
    others: "tuple[tuple[int, Chunk], ...]" = ()
    pieces: "tuple[Chunk, ...]" = field(default=(), compare=False)
    held: float = 0.0  # seconds that our own limits held the call up; on the first chunk
    dropped: tuple[str, ...] = ()  # fields that its model refuses, which it was asked without; on the first chunk
    events: tuple[Any, ...] | None = None
    origin: Format = ""
    answer: "Answer | None" = None  # set by the core on the last chunk alone
    route: Route | None = None  # set by the core on the first chunk alone: who answers

    def in_order(self, *, begun: bool) -> "tuple[Chunk, ...]":
        """What it says, one thing after the other; a whole answer that comes after a part of it stays whole."""
        return (self,) if self.whole and begun else self.pieces

    def came_in(self, own: Format) -> tuple[Any, ...] | None:
        """The events, for who tells answers in their format."""
        return self.events if self.origin == own else None


@dataclass(frozen=True, slots=True)
class Kept:
    """The local file that holds an answer, and until when (unix seconds)."""

    path: str
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, its parts in order, and where it came from. `latency_ms` is this call's own, cached or not.

    `others` are further choices, where several were asked for. `sound` False: something in it is doubtful, such as
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
    dropped: tuple[str, ...] = ()  # fields that its model refuses, which it was asked without
    passed: tuple[Route, ...] = ()  # those that stood before the one that answered
    kept: Kept | None = None

    @property
    def text(self) -> str:
        """Its words."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """What the model thought, as far as it is told."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls it wants made."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """A vector for each text, in their order, and where they came from. `tokens`: None where nobody counted."""

    vectors: tuple[tuple[float, ...], ...]
    provider: str
    model: str
    tokens: int | None = None
    cached: Literal[False, "local", "redis"] = False
