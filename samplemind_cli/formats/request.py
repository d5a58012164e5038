"""A request, independent of formats, and what it needs of a provider."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from samplemind_cli.formats import tool_choice
from samplemind_cli.formats.parts import Format, Media, Message, Opaque, Part, Thinking, ToolResult
from samplemind_cli.providers import Effort

EFFORTS: tuple[Effort, ...] = get_args(Effort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, independent of formats.

    `schema` is a JSON Schema that the answer must satisfy; `json_mode`: the answer must be a JSON object. `tools` and
    `tool_choice` have the shape of OpenAI's chat completions. `stop`: texts before which the answer ends.
    `parallel_tool_calls` False: at most one call. `effort` (one of `EFFORTS`) and `thinking_budget` (tokens): how much
    the model may think. `extra`: every other field that may change the answer, by its name in `source`, the format of
    the client; `headers`: HTTP headers that may, too. `body`: the client's body, which a provider of the same format
    gets unchanged.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    json_mode: bool = False
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    parallel_tool_calls: Literal[False] | None = None
    effort: str = ""
    thinking_budget: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    source: Format = ""
    body: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    unkeyed: Mapping[str, Any] = field(default_factory=dict)  # change no answer; passed on in the same format
    schema_name: str = ""
    strict: bool | None = None
    max_tokens_field: str = ""  # the client's name for `max_tokens`

    # Each field either changes the answer, and then the cache key, or it does not.
    KEYED: ClassVar[frozenset[str]] = frozenset(
        {
            "messages",
            "temperature",
            "max_tokens",
            "schema",
            "json_mode",
            "tools",
            "tool_choice",
            "top_p",
            "stop",
            "seed",
            "presence_penalty",
            "frequency_penalty",
            "parallel_tool_calls",
            "effort",
            "thinking_budget",
            "extra",
            "headers",
        }
    )
    IGNORED: ClassVar[frozenset[str]] = frozenset(
        {"source", "body", "unkeyed", "schema_name", "strict", "max_tokens_field"}
    )

    @property
    def needs(self) -> frozenset[str]:
        """The constraints: what a provider must support, as the answer would be a different one without it."""
        needs = {name for name in PARAMETERS if self._is_set(name) and (self.source, name) not in _HABITS}
        needs |= {name for name in self.extra if is_constraint(name, self.source)}
        for part in self._parts():
            if isinstance(part, Opaque) and (part.origin, part.value.get("type")) in _ESSENTIAL:
                needs.add(f"{part.origin} {part.value['type']}")
            if isinstance(part, Media):
                needs.add(part.kind)
                if part.url or part.file_id:
                    needs.add(f"{part.kind}_url" if part.url else "image_id" if part.kind == "image" else "file_id")
        if not all(map(_is_own, self.tools)):
            needs.add("tools")
        needs |= _forced(self.narrowed())
        if self.schema is not None or self.json_mode:
            needs.add("schema")
        if self.max_tokens is not None and self.max_tokens < 1:
            needs.add(NO_TOKENS)
        return frozenset(needs)

    @property
    def wishes(self) -> frozenset[str]:
        """The hints: what is left out for a provider that does not support it."""
        wishes = {name for name in ("temperature", "thinking_budget") if getattr(self, name) is not None}
        wishes |= {name for name in PARAMETERS if self._is_set(name) and (self.source, name) in _HABITS}
        thinks = bool(self.effort) or self.thinking_budget is not None  # then the client's field is translated
        further = (name for name in self.extra if not (thinks and name in THINKING_FIELDS))
        wishes |= {self._called(name) for name in further if not is_constraint(name, self.source)}
        wishes |= self.betas.keys()
        if self.effort:
            wishes.add("effort")
        for message in self.messages:
            wishes.update(message.hints)
            if message.name:
                wishes.add("name")
        for part in self._parts():
            if isinstance(part, Opaque):
                wishes.add(f"{part.origin} {part.value.get('type') or next(iter(part.value), 'block')}")
            elif not isinstance(part, Thinking):
                wishes.update(part.hints)
                if isinstance(part, ToolResult) and part.failed:
                    wishes.add("is_error")
                if isinstance(part, Media) and part.detail not in ("", "auto"):
                    wishes.add("detail")
        for tool in self.tools:
            fields = (name for name in tool if name not in ("type", "function"))
            wishes.update([self.own_tool(tool)] if _is_own(tool) else fields)
        return frozenset(wishes)

    @property
    def functions(self) -> frozenset[str]:
        """The names of the functions that may be called."""
        found = (tool.get("function") for tool in self.narrowed().tools)
        return frozenset(
            str(function["name"]) for function in found if isinstance(function, Mapping) and "name" in function
        )

    @property
    def betas(self) -> dict[str, str]:
        """The headers without a format's version, which is not a hint."""
        return {name: value for name, value in self.headers.items() if not name.endswith("-version")}

    def narrowed(self) -> "Request":
        """The request with only the tools that may be called, for a provider without a choice of several."""
        if tool_choice.several(self.tool_choice) is None:
            return self
        tools, choice = tool_choice.narrowed(self.tools, self.tool_choice)
        return replace(self, tools=tools, tool_choice=choice)

    def further(self, takes: Callable[[str], bool]) -> dict[str, Any]:
        """The fields of `extra` that a provider supports."""
        return {name: value for name, value in self.extra.items() if takes(self._called(name))}

    def own_tool(self, tool: Mapping[str, Any]) -> str:
        """The name among `needs` and `wishes` of a tool that only the request's own format has."""
        return f"{self.source} {tool.get('type') or next(iter(tool), 'tool')}".lstrip()

    def _called(self, name: str) -> str:
        """The name of a field of `extra` among `needs` and `wishes`; prefixed if it is one of our own names."""
        return f"{self.source} {name}" if self.source and name in _OURS else name

    def _is_set(self, name: str) -> bool:
        return getattr(self, name) not in (None, ())

    @property
    def any_json(self) -> bool:
        """Whether JSON mode allows any JSON value, as Gemini's does, and not only objects."""
        return self.json_mode and self.source == "gemini"

    def _parts(self) -> Iterator[Part]:
        for message in self.messages:
            for part in message.parts:
                yield part
                if isinstance(part, ToolResult):
                    yield from part.parts


# No answer is requested: Claude warms its prompt cache so; for others it is an error, or means no limit.
NO_TOKENS = "max_tokens below 1"
# Parameters that not every provider supports; each is a field of `Request`.
PARAMETERS = ("top_p", "stop", "seed", "presence_penalty", "frequency_penalty")
# Other constraints, by their name in `extra`, whatever the format.
CONSTRAINTS = frozenset(
    {
        "audio",
        "cachedContent",
        "compaction",
        "ebnf",
        "function_call",
        "functions",
        "generationConfig.responseFormat",
        "generationConfig.responseMimeType",
        "grammar",
        "guided_choice",
        "guided_grammar",
        "guided_regex",
        "imageConfig",
        "image_config",
        "logit_bias",
        "logprobs",
        "min_p",
        "modalities",
        "n",
        "num_ctx",
        "raw",
        "regex",
        "repeat_penalty",
        "repetition_penalty",
        "responseModalities",
        "response_format.type",
        "speechConfig",
        "structural_tag",
        "structured_outputs",
        "suffix",
        "top_k",
        "top_logprobs",
        "typical_p",
        "web_search_options",
    }
)
# What a format's clients send in every request, and so only a hint: the daemon's memory, and Gemini's own sampling.
_HABITS = frozenset({("ollama", "num_ctx"), ("gemini", "top_k"), ("gemini", "top_p")})
# Parts of a message that some hosts of chat completions know: a video as its frames, media as vectors.
HOSTS_PARTS = ("video", "image_embeds", "audio_embeds", "video_embeds")
# Blocks of a format's own that replace a part of the conversation, and so are constraints.
_ESSENTIAL = frozenset(
    {
        ("openai_responses", "compaction"),
        ("openai_responses", "compaction_trigger"),
        *(("openai_chat", kind) for kind in HOSTS_PARTS),
    }
)
# The formats' fields for how much a model may think.
THINKING_FIELDS = frozenset({"enable_thinking", "reasoning", "think", "thinking", "thinking_budget", "thinkingConfig"})
# What may decide for a paid provider instead of this machine; parameters never do.
ATTACHMENTS = (
    "image",
    "audio",
    "video",
    "file",
    "image_url",
    "audio_url",
    "video_url",
    "file_url",
    "file_id",
    "image_id",
)
ABILITIES = frozenset({*ATTACHMENTS, "tools", "schema"})
# Our own names among `needs` and `wishes`, which a client's field may have, too.
_OURS = (
    Request.KEYED | Request.IGNORED | ABILITIES | {"citations", "context", "detail", "name", "title"}
) - CONSTRAINTS


def _is_own(tool: Mapping[str, Any]) -> bool:
    """Whether a tool is a format's own instead of a function."""
    return bool(tool) and "function" not in tool


def _forced(request: Request) -> set[str]:
    """The needs of a required call: also each tool of the request's own format, if no other can be called."""
    choice = request.tool_choice
    if not request.tools or choice in (None, "auto", "none"):
        return set()
    if isinstance(choice, Mapping) and "function" not in choice:
        return {"tool_choice", request.own_tool(choice)}
    named = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else None
    own = list(filter(_is_own, request.tools))
    alone = own if named is not None or len(own) == len(request.tools) else []
    return {"tool_choice", *(request.own_tool(tool) for tool in alone if named in (None, tool.get("name")))}


def is_constraint(name: str, source: Format) -> bool:
    """Whether a field of `Request.extra` is a constraint; the others are hints.

    What a person set by hand (`ask --param`) is one: it is never left out.
    """
    return not source or (name in CONSTRAINTS and (source, name) not in _HABITS)
