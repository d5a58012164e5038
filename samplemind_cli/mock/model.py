"""The mock's model: the same request always gets the same answer; a token is a word."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from samplemind_cli.mock.schema import example

Finish = Literal["stop", "tool_calls", "length", "refusal", "filter"]
ECHOED = 40  # words of the prompt that an answer repeats
DIMENSIONS = 32
MOST_DIMENSIONS = 4096
THOUGHT = "The question is clear and the answer follows from it. "


@dataclass(frozen=True)
class ToolSpec:
    """A function the model may call, and the JSON Schema of its arguments."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptRequest:
    """A request in no dialect. `prompt`: what the answer echoes; `input_text`: what counts as input tokens."""

    model: str
    prompt: str
    input_text: str
    stream: bool
    max_tokens: int | None = None
    schema: Any = None  # a JSON Schema; {} for "any JSON object"; None for text
    tool: ToolSpec | None = None
    think: bool = False

    @property
    def id(self) -> str:
        """24 hexadecimal digits, the same for the same request."""
        return hashlib.sha256(f"{self.model}\0{self.input_text}".encode("utf-8", "replace")).hexdigest()[:24]


@dataclass(frozen=True)
class ScriptedAnswer:
    """The answer, as tokens; a tool call's arguments are the tokens of a JSON text."""

    text: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    tool: str = ""
    arguments: tuple[str, ...] = ()
    finish: Finish = "stop"
    input_tokens: int = 0
    wait_ns: int = 0  # simulated time to the first token
    speak_ns: int = 0  # simulated time from there to the last

    @property
    def call_arguments(self) -> Any:
        """The tool call's arguments, parsed, for dialects that do not send them as text."""
        return json.loads("".join(self.arguments) or "{}")

    @property
    def output_tokens(self) -> int:
        """The number of generated tokens, thinking included."""
        return len(self.text) + len(self.thinking) + len(self.arguments)


def answer(request: PromptRequest, reply: str | None = None, fault: str = "") -> ScriptedAnswer:
    """The answer: a tool call, `reply`, JSON for the schema, or an echo; altered by a `fault` of the model."""
    input_tokens = count_tokens(request.input_text)
    if fault == "refusal":
        return ScriptedAnswer(finish="refusal", input_tokens=input_tokens)
    thinking = tokens(THOUGHT) if request.think or fault == "thinking" else ()
    limit = math.inf if request.max_tokens is None else request.max_tokens
    if fault == "thinking":
        return _limited(ScriptedAnswer(thinking=thinking, input_tokens=input_tokens), limit)
    if request.tool and fault not in ("length", "filter"):
        arguments = tokens(json.dumps(example({"type": "object", **request.tool.parameters})))
        return ScriptedAnswer((), thinking, request.tool.name, arguments, "tool_calls", input_tokens)
    text = tokens(_text(request, reply))
    full = ScriptedAnswer(text, thinking, input_tokens=input_tokens)
    if fault == "length":
        limit = min(limit, len(thinking) + len(text) // 2)
    if fault == "filter":
        return ScriptedAnswer(text[: len(text) // 2], thinking, finish="filter", input_tokens=input_tokens)
    return _limited(full, limit)


def tokens(text: str) -> tuple[str, ...]:
    """The words of `text`, each with the white space before it; joined, they are `text` again."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def count_tokens(text: str) -> int:
    """How many words `text` has."""
    return len(text.split())


def embedding(text: str, dimensions: int | None = None) -> list[float]:
    """A unit vector that depends on `text` alone, of 32 dimensions by default."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(min(dimensions or DIMENSIONS, MOST_DIMENSIONS))
    vector = [byte - 127.5 for byte in digest]
    length = math.hypot(*vector)
    return [round(x / length, 6) for x in vector]


def text_of(value: Any) -> str:
    """All text in a message's content: a string, a list of parts, or nested parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return text_of(value.get("text") or value.get("content") or value.get("parts") or "")
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return " ".join(filter(None, map(text_of, value)))
    return ""


def _text(request: PromptRequest, reply: str | None) -> str:
    if reply is not None:
        return reply
    if request.schema is not None:
        return json.dumps(example(request.schema) if request.schema else {})
    words = request.prompt.split(maxsplit=ECHOED)
    return f"You said: {' '.join(words[:ECHOED])}{' …' if len(words) > ECHOED else ''}"


def _limited(full: ScriptedAnswer, limit: float) -> ScriptedAnswer:
    """`full`, cut at the token limit; thinking comes first."""
    if full.output_tokens <= limit:
        return full
    thinking = full.thinking[: int(limit)]
    return ScriptedAnswer(
        full.text[: int(limit) - len(thinking)], thinking, finish="length", input_tokens=full.input_tokens
    )
