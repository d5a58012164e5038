"""OpenAI's custom tools, whose input is text; elsewhere each becomes a function of one text argument."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import ToolCall

# The JSON text of a call's arguments before and after the input.
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
    """The function for a custom tool, without its name; a grammar goes into the description, as only OpenAI has one.

    `grammar`: its `syntax` and its `definition`, empty for free text.
    """
    texts = [description]
    if grammar:
        texts.append(f"The input must follow this {grammar['syntax']} grammar:\n{grammar['definition']}")
    return {"name": "", "description": "\n\n".join(filter(None, texts)), "parameters": _PARAMETERS}


def described(function: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The name and description of the custom tool behind a function, and its grammar; None for other functions."""
    if function.get("parameters") != _PARAMETERS:
        return None
    words, syntax = reading.text(function.get("description")), {}
    if grammar := _GRAMMAR.search(words):
        words = words[: grammar.start()]
        syntax = {"syntax": grammar[1], "definition": grammar[2]}
    return {"name": function.get("name"), **({"description": words} if words else {})}, syntax


def names(tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the custom tools among these."""
    functions = (reading.mapping(tool.get("function")) for tool in tools)
    return frozenset(reading.text(each.get("name")) for each in functions if described(each))


def arguments(given: str) -> str:
    """The function's arguments for an input, as JSON text."""
    return reading.dumps({"input": given})


def piece(words: str, *, first: bool) -> str:
    """A piece of an input as a piece of the function's arguments."""
    return (OPENING if first else "") + json.dumps(words, ensure_ascii=False)[1:-1]


def given_input(call: ToolCall) -> str:
    """A custom tool's input in a function's arguments, also if the model gave the argument another name."""
    if not reading.is_object(call.arguments):
        return call.arguments
    given = reading.given_arguments(call)
    texts = [given["input"]] if "input" in given else list(given.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else call.arguments
