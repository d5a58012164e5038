"""The core's vocabulary: what is asked, where, what goes over the wire, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol, get_args

Role = Literal["system", "user", "assistant", "tool"]
# "stop" and "tool_calls" are complete answers; every other end is not, and is never cached.
Finish = Literal["stop", "tool_calls", "length", "refusal", "filtered"]
COMPLETE: frozenset[Finish] = frozenset({"stop", "tool_calls"})
# Parameters that not every provider has; each is a field of `Request`.
Parameter = Literal["top_p", "stop", "seed", "presence_penalty", "frequency_penalty", "parallel_tool_calls"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
# What a request may need beyond text; an adapter says which it `TAKES`.
Ability = Literal["image", "audio", "tools", "schema", Parameter]


class Provider(StrEnum):
    """Who can answer, in the order in which they stand in for each other."""

    OLLAMA = "ollama"
    GEMINI = "gemini"
    CLAUDE = "anthropic"
    OPENAI = "openai"
    EMBEDDED = "embedded"


class TaskType(StrEnum):
    """What a prompt is for."""

    GENRE_CLASSIFICATION = "genre"
    AUDIO_ANALYSIS = "audio"
    CREATIVE = "creative"
    FACTUAL = "factual"
    TOOL_CALLING = "tools"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message: its bytes and their media type ("image/png", "audio/wav")."""

    media_type: str
    data: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made; `arguments` is JSON text.

    In a stream calls come in pieces: pieces of one call share an `index`, and their `arguments` are joined.
    A call without an index is whole.
    """

    name: str = ""
    arguments: str = ""
    id: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `tool_call_id` names the call that a "tool" message answers."""

    role: Role
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, in no provider's dialect.

    `schema` is a JSON Schema the answer must satisfy; `tools` and `tool_choice` have OpenAI's chat-completions shape.
    `stop`: texts before which the answer ends, up to 4; `parallel_tool_calls` False: one call at most.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    parallel_tool_calls: Literal[False] | None = None
    stream: bool = True

    # Each field either changes the answer, and then the cache key, or it does not.
    KEYED: ClassVar[frozenset[str]] = frozenset(
        {"messages", "temperature", "max_tokens", "schema", "tools", "tool_choice", *PARAMETERS}
    )
    IGNORED: ClassVar[frozenset[str]] = frozenset({"stream"})

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the `PARAMETERS` that were given."""
        return {name: value for name in PARAMETERS if (value := getattr(self, name)) not in (None, ())}

    @property
    def needs(self) -> frozenset[Ability]:
        """The abilities an adapter must have to be asked this."""
        given = self.parameters
        needs: set[Ability] = {name for name in PARAMETERS if name in given}
        for message in self.messages:
            for attachment in message.attachments:
                needs.add("audio" if attachment.media_type.startswith("audio/") else "image")
        if self.tools:
            needs.add("tools")
        if self.schema is not None:
            needs.add("schema")
        return frozenset(needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a request is to be answered; none of it changes what is asked.

    `provider` or `model` named: that one and no other. `cache`: "use" it, "refresh" its entry, or leave it "off".
    `ttl`: seconds an entry may be old, and how long a new one lives; `max_age`: how old it may be for this request
    alone. `timeout`: seconds for the whole answer.
    """

    task: str = "factual"
    priority: str = "speed"
    provider: str = ""
    model: str = ""
    fallback: bool = True
    cache: Literal["use", "refresh", "off"] = "use"
    ttl: float | None = None
    max_age: float | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers: a base URL without a trailing slash, the model's name there, the key if one is needed."""

    base_url: str = field(repr=False)  # may carry a password: router.shown
    model: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to an answer. `skipped` says why it led to none, `fix` which command would change that.

    `lacks`: what is asked for and the provider does not take. `outcome`: it was not tried, or it was and nothing
    listened at its address, or it failed otherwise.
    """

    provider: Provider
    endpoint: Endpoint
    skipped: str = ""
    fix: str = ""
    outcome: Literal["untried", "refused", "failed"] = "untried"
    lacks: frozenset[Ability] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, described and not made. `url` and `headers` may carry a key and are never shown."""

    url: str = field(repr=False)
    json: Any  # None: no body
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None where it said nothing.

    `input_tokens` is the whole prompt and includes `cached_tokens`, those the provider read from its own prompt
    cache; `output_tokens` includes `reasoning_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def updated(self, later: "Usage") -> "Usage":
        """What a later report of the same answer says, over what this one said."""
        return Usage(
            *(
                mine if new is None else new
                for mine, new in (
                    (self.input_tokens, later.input_tokens),
                    (self.output_tokens, later.output_tokens),
                    (self.cached_tokens, later.cached_tokens),
                    (self.reasoning_tokens, later.reasoning_tokens),
                )
            )
        )


FaultKind = Literal["auth", "credit", "rate", "overloaded", "request", "not_found", "too_long", "address", "server"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A provider's own error, read: its kind decides what happens next, its message is the provider's.

    auth: the key is refused. credit: no money, also as a 429. rate, overloaded, server: worth another try.
    request: it is wrong. not_found: no such model. too_long: the prompt does not fit. address: that is no provider.
    """

    kind: FaultKind
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one event of an answer adds. A whole answer that was not streamed is one chunk.

    The last `finish` of a stream counts, with two exceptions, since an adapter remembers nothing: a "refusal" stays one
    when a "stop" follows, and a "stop" after tool calls means "tool_calls". A `fault` is the end of the answer.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    model: str = ""  # which one answers, in the provider's words
    answer: "Answer | None" = None  # set by the core on the last chunk alone
    route: Route | None = None  # set by the core on the first chunk alone: who answers


@dataclass(frozen=True, slots=True)
class Kept:
    """The local file that holds an answer, and until when (unix seconds)."""

    path: str
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer and where it came from. `latency_ms` is this call's own, cached or not."""

    text: str
    provider: str
    model: str
    key: str
    finish_reason: Finish
    usage: Usage = Usage()
    cached: Literal[False, "local", "redis"] = False
    latency_ms: float = 0.0
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    passed: tuple[Route, ...] = ()  # those that stood before the one that answered
    kept: Kept | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """A vector for each text, in their order, and where they came from. `tokens`: None where nobody counted."""

    vectors: tuple[tuple[float, ...], ...]
    provider: str
    model: str
    tokens: int | None = None
    cached: Literal[False, "local", "redis"] = False


class Embedder(Protocol):
    """What an adapter offers besides, whose provider turns texts into vectors."""

    def embed(self, texts: Sequence[str], dimensions: int | None, endpoint: Endpoint) -> Call:
        """The call for texts; `dimensions` None: as many as the model has."""

    def read_embeddings(self, body: Any) -> tuple[list[list[float]], int | None]:
        """The vectors in the texts' order, and the tokens counted."""


class Adapter(Protocol):
    """What a module of `ai/providers/` offers; it does no I/O."""

    @property
    def TAKES(self) -> frozenset[Ability]:  # noqa: N802 - a module constant
        """The abilities it has beyond text."""

    def chat(self, request: Request, endpoint: Endpoint) -> Call:
        """The call for a request, streamed or not as `request.stream` says."""

    def read(self, event: Any) -> Chunk:
        """One decoded event of the answer, or its whole body when it was not streamed."""

    def fault(self, status: int, body: Any) -> Fault:
        """What an error response means: its status and decoded body (a dict, a list, a string, or None)."""
