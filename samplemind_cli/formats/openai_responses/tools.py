"""Translates a client's tools into functions for providers, and function names back into the client's tools."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.parts import ToolCall

CHOICES = ("none", "auto", "required")
LONGEST = 64  # characters of a function's name; OpenAI's own limit
_FUNCTION = {"type", "name", "description", "parameters", "strict"}
_CUSTOM = {"type", "name", "description", "format"}
# Items of the input with further tools.
_WITH_TOOLS = ("additional_tools", "tool_search_output")
# The function for a custom tool: it has one text argument.
_TEXT = {"type": "string", "description": "The whole input, as text"}
_PARAMETERS = {
    "type": "object",
    "properties": {"input": _TEXT},
    "required": ["input"],
    "additionalProperties": False,
}
_GRAMMAR = re.compile(r"(?:\A|\n\n)The input must follow this (\w*) grammar:\n(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tool:
    """The client's tool behind a function. `custom`: its one argument is the whole input, as text."""

    name: str
    namespace: str = ""
    custom: bool = False


@dataclass(slots=True)
class Offer:
    """The functions for providers, with OpenAI's own tools unchanged; and the client's tool of each function."""

    definitions: list[dict[str, Any]] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)

    def find(self, name: str) -> Tool:
        """The tool behind a function; an unknown name is a tool's own."""
        return self.tools.get(name) or Tool(name)


def offered(fields: Fields) -> Offer:
    """The tools of a request; each tool of a namespace is a function. Raises BadRequestError."""
    offer = Offer()
    for tool, namespace in _all(fields):
        kind = tool.one_of("type", ("function", "custom"), "") if namespace else tool.need("type", str)
        if kind == "function":
            _add(offer, tool, namespace, _function(tool))
        elif kind == "custom":
            _add(offer, tool, namespace, _custom(tool), custom=True)
        elif (own := {name: value for name, value in tool.raw.items() if name != "function"}) not in offer.definitions:
            offer.definitions.append(own)
    return offer


def offered_name(name: str, namespace: str) -> str:
    """The function's name for a tool in a namespace; one that is too long ends in a fingerprint."""
    full = f"{namespace.removesuffix('__')}__{name}" if namespace else name
    if len(full) <= LONGEST or not namespace:
        return full
    return f"{full[:51]}_{blake3(full.encode()).hexdigest()[:12]}"


def given_input(call: ToolCall) -> str:
    """A custom tool's input in a function's arguments, also if the model gave the argument another name."""
    if not reading.is_object(call.arguments):
        return call.arguments
    given = reading.given_arguments(call)
    texts = [given["input"]] if "input" in given else list(given.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else call.arguments


def choice(fields: Fields, offer: Offer) -> str | dict[str, Any] | None:
    """`tool_choice` in the shape of chat completions; removes tools that are not allowed. Raises BadRequestError."""
    given = fields.raw.get("tool_choice")
    if given is None or isinstance(given, str):
        chosen: str | dict[str, Any] | None = fields.one_of("tool_choice", CHOICES, "auto") if given else None
    else:
        chosen = _named(fields.inner("tool_choice"), offer)
    return chosen if offer.definitions else None


def _named(given: Fields, offer: Offer) -> str | dict[str, Any]:
    """The choice of one tool; one of OpenAI's own unchanged."""
    kind = given.need("type", str)
    if kind == "allowed_tools":
        allowed = given.items("tools")
        names = [_function_name(given, tool, offer) for tool in allowed if _is_ours(tool)]
        own = [tool.raw for tool in allowed if not _is_ours(tool)]
        offer.definitions = [tool for tool in offer.definitions if _is_allowed(tool, names, own)]
        return given.one_of("mode", ("auto", "required"), "auto")
    if not _is_ours(given):
        return {name: value for name, value in given.raw.items() if name != "function"}
    return {"type": "function", "function": {"name": _function_name(given, given, offer)}}


def _is_allowed(tool: dict[str, Any], names: list[str], own: list[dict[str, Any]]) -> bool:
    if "function" in tool:
        return tool["function"]["name"] in names
    return any(all(tool.get(name) == value for name, value in one.items()) for one in own)


def _is_ours(tool: Fields) -> bool:
    return tool.raw.get("type") in ("function", "custom")


def _function_name(given: Fields, tool: Fields, offer: Offer) -> str:
    name = offered_name(tool.need("name", str), tool.get("namespace", str) or "")
    if name not in offer.tools:
        raise given.wrong("name", f"{name!r} is not one of the tools")
    return name


def _all(fields: Fields) -> Iterator[tuple[Fields, str]]:
    """Every tool, with the namespace that it is in."""
    tools = fields.items("tools")
    if isinstance(fields.raw.get("input"), list):
        for item in fields.items("input"):
            tools += item.items("tools") if item.raw.get("type") in _WITH_TOOLS else []
    for tool in tools:
        if tool.raw.get("type") == "namespace":
            namespace = tool.need("name", str)
            yield from ((inner, namespace) for inner in tool.items("tools"))
        else:
            yield tool, ""


def _add(offer: Offer, tool: Fields, namespace: str, function: dict[str, Any], *, custom: bool = False) -> None:
    known = _CUSTOM if custom else _FUNCTION
    name = tool.need("name", str)
    function["name"] = offered_name(name, namespace)
    if function["name"] in offer.tools:
        return  # an item of the input repeats it
    hints = {key: value for key, value in tool.raw.items() if key not in known and value is not None}
    offer.definitions.append({"type": "function", "function": function, **hints})
    offer.tools[function["name"]] = Tool(name, namespace, custom)


def _function(tool: Fields) -> dict[str, Any]:
    kinds: tuple[tuple[str, type[Any]], ...] = (("description", str), ("parameters", dict), ("strict", bool))
    given = {name: tool.get(name, kind) for name, kind in kinds}
    return {"name": "", **{name: value for name, value in given.items() if value is not None}}


def _custom(tool: Fields) -> dict[str, Any]:
    """A function with one text argument. Its grammar goes into the description: no other provider supports one."""
    form = tool.inner("format")
    described = [tool.get("description", str) or ""]
    if form.raw.get("type") == "grammar":
        syntax, definition = form.get("syntax", str) or "", form.get("definition", str) or ""
        described.append(f"The input must follow this {syntax} grammar:\n{definition}")
    return {"name": "", "description": "\n\n".join(filter(None, described)), "parameters": _PARAMETERS}


def custom(function: Mapping[str, Any]) -> dict[str, Any] | None:
    """The custom tool behind a function; None for an ordinary function."""
    if function.get("parameters") != _PARAMETERS:
        return None
    described, form = reading.text(function.get("description")), {}
    if grammar := _GRAMMAR.search(described):
        described = described[: grammar.start()]
        form = {"format": {"type": "grammar", "syntax": grammar[1], "definition": grammar[2]}}
    description = {"description": described} if described else {}
    return {"type": "custom", "name": function.get("name"), **description, **form}
