"""A request in no provider's words, and what it needs of a provider."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from samplemind_cli.formats import tool_choice
from samplemind_cli.formats.parts import Format, Media, Message, Opaque, Part, Thinking, ToolResult
from samplemind_cli.providers import Effort

EFFORTS: tuple[Effort, ...] = get_args(Effort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, in no provider's words.

    `schema` is a JSON Schema that the answer must satisfy; `json_mode`: any JSON object will do. `tools` and
    `tool_choice` have the shape of OpenAI's chat completions. `stop`: texts before which the answer ends.
    `parallel_tool_calls` False: one call at most. `effort` (one of `EFFORTS`) and `thinking_budget` (tokens): how much
    the model may think. `extra`: every other field that may change the answer, in the words of `source`, the format in
    which it was asked; `headers`: what its HTTP headers say of that. `body`: the whole of it as it came; a provider of
    the same format is sent that.
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
    max_tokens_field: str = ""  # what the client called `max_tokens`

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
        """What a provider must be able to do, or take, to be asked this: without it the answer would be another one."""
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
        """What a provider is told if it has a word for it; else it is left out."""
        wishes = {name for name in ("temperature", "thinking_budget") if getattr(self, name) is not None}
        wishes |= {name for name in PARAMETERS if self._is_set(name) and (self.source, name) in _HABITS}
        thinks = bool(self.effort) or self.thinking_budget is not None  # then the field that said so is translated
        told = (name for name in self.extra if not (thinks and name in THINKING_FIELDS))
        wishes |= {self._called(name) for name in told if not is_constraint(name, self.source)}
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
        """The headers without those that say which version of a format is spoken: that is no part of a question."""
        return {name: value for name, value in self.headers.items() if not name.endswith("-version")}

    def narrowed(self) -> "Request":
        """The request with only the tools that may be called, for who has no word for a choice of several."""
        if tool_choice.several(self.tool_choice) is None:
            return self
        tools, choice = tool_choice.narrowed(self.tools, self.tool_choice)
        return replace(self, tools=tools, tool_choice=choice)

    def further(self, takes: Callable[[str], bool]) -> dict[str, Any]:
        """What a provider takes of `extra`."""
        return {name: value for name, value in self.extra.items() if takes(self._called(name))}

    def own_tool(self, tool: Mapping[str, Any]) -> str:
        """What a tool that only the request's own format knows is called among `needs` and `wishes`."""
        return f"{self.source} {tool.get('type') or next(iter(tool), 'tool')}".lstrip()

    def _called(self, name: str) -> str:
        """What a field of `extra` is called among `needs` and `wishes`, where a name of ours means something else."""
        return f"{self.source} {name}" if self.source and name in _OURS else name

    def _is_set(self, name: str) -> bool:
        return getattr(self, name) not in (None, ())

    @property
    def any_json(self) -> bool:
        """Whether JSON mode means any JSON, lists too, as Gemini has it."""
        return self.json_mode and self.source == "gemini"

    def _parts(self) -> Iterator[Part]:
        for message in self.messages:
            for part in message.parts:
                yield part
                if isinstance(part, ToolResult):
                    yield from part.parts


# An answer of no tokens is none: Claude warms its prompt cache so, others call it an error or an answer without end.
NO_TOKENS = "max_tokens below 1"
# Parameters that not every provider has; each is a field of `Request`.
PARAMETERS = ("top_p", "stop", "seed", "presence_penalty", "frequency_penalty")
# Other fields that change what counts as an answer; by these names in every format that has them.
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
# What a format's clients name in every request, meant or not: the daemon's memory, and Gemini's own sampling.
_HABITS = frozenset({("ollama", "num_ctx"), ("gemini", "top_k"), ("gemini", "top_p")})
# Parts of a message that some hosts of chat completions know: a video as its frames, media as vectors.
HOSTS_PARTS = ("video", "image_embeds", "audio_embeds", "video_embeds")
# Blocks of a format's own that stand for a part of the conversation: without them it is another one.
_ESSENTIAL = frozenset(
    {
        ("openai_responses", "compaction"),
        ("openai_responses", "compaction_trigger"),
        *(("openai_chat", kind) for kind in HOSTS_PARTS),
    }
)
# Where the formats say how much a model may think.
THINKING_FIELDS = frozenset({"enable_thinking", "reasoning", "think", "thinking", "thinking_budget", "thinkingConfig"})
# What a provider may need beyond words that no parameter could move from this machine to a paid provider.
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
# Names that mean something of ours among `needs` and `wishes`, whatever a field of a client is called.
_OURS = (
    Request.KEYED | Request.IGNORED | ABILITIES | {"citations", "context", "detail", "name", "title"}
) - CONSTRAINTS


def _is_own(tool: Mapping[str, Any]) -> bool:
    """Whether a tool is no function of the client's but one that a format has of its own."""
    return bool(tool) and "function" not in tool


def _forced(request: Request) -> set[str]:
    """What a call that must be made needs: also each tool of the request's own format, if no other can be called."""
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
    """Whether a field of `Request.extra` must be taken or refused; the others are hints.

    What a person set by hand (`ask --param`) is meant: it is never left out.
    """
    return not source or (name in CONSTRAINTS and (source, name) not in _HABITS)
