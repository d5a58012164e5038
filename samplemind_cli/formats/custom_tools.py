"""OpenAI's custom tools, whose input is text: to all other providers each is a function of one text."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import ToolCall

# The arguments of a call, as the text that a stream of the input stands between.
OPENING, CLOSING = '{"input":"', '"}'
_TEXT = {"type": "string", "description": "The whole input, as text"}
_PARAMETERS = {
    "type": "object",
    "properties": {"input": _TEXT},
    "required": ["input"],
    "additionalProperties": False,
}
_GRAMMAR = re.compile(r"(?:\A|\n\n)The input must follow this (\w*) grammar:\n(.*)\Z", re.DOTALL)


def function(description: str, grammar: Mapping[str, str]) -> dict[str, Any]:
    """A function of one text, yet without a name. Its grammar is told in words, for no other provider keeps to one.

    `grammar`: its `syntax` and its `definition`, empty for free text.
    """
    described = [description]
    if grammar:
        described.append(f"The input must follow this {grammar['syntax']} grammar:\n{grammar['definition']}")
    return {"name": "", "description": "\n\n".join(filter(None, described)), "parameters": _PARAMETERS}


def described(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The name and the description of the custom tool that a function stands for, and its grammar; None for others."""
    if told.get("parameters") != _PARAMETERS:
        return None
    words, syntax = reading.text(told.get("description")), {}
    if grammar := _GRAMMAR.search(words):
        words = words[: grammar.start()]
        syntax = {"syntax": grammar[1], "definition": grammar[2]}
    return {"name": told.get("name"), **({"description": words} if words else {})}, syntax


def names(tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the custom tools among these."""
    functions = (reading.mapping(tool.get("function")) for tool in tools)
    return frozenset(reading.text(each.get("name")) for each in functions if described(each))


def arguments(given: str) -> str:
    """The arguments that stand for an input."""
    return reading.dumps({"input": given})


def piece(words: str, *, first: bool) -> str:
    """A piece of an input as one of the arguments that stand for it."""
    return (OPENING if first else "") + json.dumps(words, ensure_ascii=False)[1:-1]


def given_input(call: ToolCall) -> str:
    """The text for a custom tool out of a function's arguments, also where the model named it otherwise."""
    if not reading.is_object(call.arguments):
        return call.arguments
    given = reading.given_arguments(call)
    texts = [given["input"]] if "input" in given else list(given.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else call.arguments
