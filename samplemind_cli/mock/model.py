"""The model behind the mock: the same request always gets the same answer, and a token is a word."""

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
    """What a request asks for, in no dialect: `prompt` is what the answer repeats, `input_text` all that is counted."""

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
        """24 hexadecimal digits that name this request's answer."""
        return hashlib.sha256(f"{self.model}\0{self.input_text}".encode("utf-8", "replace")).hexdigest()[:24]


@dataclass(frozen=True)
class ScriptedAnswer:
    """The answer, token by token; also a tool call's arguments are JSON text in tokens."""

    text: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    tool: str = ""
    arguments: tuple[str, ...] = ()
    finish: Finish = "stop"
    input_tokens: int = 0
    wait_ns: int = 0  # what the answer is made to take: until its first token,
    speak_ns: int = 0  # and from there to its last

    @property
    def call_arguments(self) -> Any:
        """The tool call's arguments as a value, for the dialects that send no text."""
        return json.loads("".join(self.arguments) or "{}")

    @property
    def output_tokens(self) -> int:
        """Every token the model made, thoughts included."""
        return len(self.text) + len(self.thinking) + len(self.arguments)


def answer(request: PromptRequest, reply: str | None = None, fault: str = "") -> ScriptedAnswer:
    """The answer: a tool call, `reply`, JSON for the schema, or an echo; changed by a model's `fault`."""
    read = count_tokens(request.input_text)
    if fault == "refusal":
        return ScriptedAnswer(finish="refusal", input_tokens=read)
    thinking = tokens(THOUGHT) if request.think or fault == "thinking" else ()
    limit = math.inf if request.max_tokens is None else request.max_tokens
    if fault == "thinking":
        return _limited(ScriptedAnswer(thinking=thinking, input_tokens=read), limit)
    if request.tool and fault not in ("length", "filter"):
        arguments = tokens(json.dumps(example({"type": "object", **request.tool.parameters})))
        return ScriptedAnswer((), thinking, request.tool.name, arguments, "tool_calls", read)
    text = tokens(_text(request, reply))
    whole = ScriptedAnswer(text, thinking, input_tokens=read)
    if fault == "length":
        limit = min(limit, len(thinking) + len(text) // 2)
    if fault == "filter":
        return ScriptedAnswer(text[: len(text) // 2], thinking, finish="filter", input_tokens=read)
    return _limited(whole, limit)


def tokens(text: str) -> tuple[str, ...]:
    """`text` in words, each with the white space before it; joined they are `text` again."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def count_tokens(text: str) -> int:
    """How many words `text` has."""
    return len(text.split())


def embedding(text: str, dimensions: int | None = None) -> list[float]:
    """A vector of length one that depends on `text` alone; 32 numbers unless told."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(min(dimensions or DIMENSIONS, MOST_DIMENSIONS))
    vector = [byte - 127.5 for byte in digest]
    length = math.hypot(*vector)
    return [round(x / length, 6) for x in vector]


def text_of(value: Any) -> str:
    """All text in a message's content, whatever its shape: a string, a list of parts, or parts with text inside."""
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


def _limited(whole: ScriptedAnswer, limit: float) -> ScriptedAnswer:
    """`whole` up to the token limit; thoughts count first."""
    if whole.output_tokens <= limit:
        return whole
    thinking = whole.thinking[: int(limit)]
    return ScriptedAnswer(
        whole.text[: int(limit) - len(thinking)], thinking, finish="length", input_tokens=whole.input_tokens
    )
