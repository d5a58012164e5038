"""Translates a client's tools into functions for providers, and function names back into the client's tools."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from samplemind_cli.formats import custom_tools, tool_choice
from samplemind_cli.formats.fields import Fields

CHOICES = ("none", "auto", "required")
LONGEST = 64  # characters of a function's name; OpenAI's own limit
_FUNCTION = {"type", "name", "description", "parameters", "strict"}
_CUSTOM = {"type", "name", "description", "format"}
# Items of the input with further tools.
_WITH_TOOLS = ("additional_tools", "tool_search_output")


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


def choice(fields: Fields, offer: Offer) -> str | dict[str, Any] | None:
    """`tool_choice` in the words of chat completions. Raises BadRequestError."""
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
        mode = given.one_of("mode", ("auto", "required"), "auto")
        allowed = [_one(given, tool, offer) for tool in given.items("tools")]
        if mode == "required" and not allowed:
            raise given.wrong("tools", "must name at least one of the tools")
        return tool_choice.among(offer.definitions, allowed, mode)
    return _one(given, given, offer)


def _one(given: Fields, tool: Fields, offer: Offer) -> dict[str, Any]:
    if tool.raw.get("type") in ("function", "custom"):
        return tool_choice.named(_function_name(given, tool, offer))
    return {name: value for name, value in tool.raw.items() if name != "function"}


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
    offer.definitions.append({"type": "function", "function": function, **tool.others(known)})
    offer.tools[function["name"]] = Tool(name, namespace, custom)


def _function(tool: Fields) -> dict[str, Any]:
    kinds: tuple[tuple[str, type[Any]], ...] = (("description", str), ("parameters", dict), ("strict", bool))
    given = {name: tool.get(name, kind) for name, kind in kinds}
    return {"name": "", **{name: value for name, value in given.items() if value is not None}}


def _custom(tool: Fields) -> dict[str, Any]:
    form = tool.inner("format")
    parts = ("syntax", "definition") if form.raw.get("type") == "grammar" else ()
    return custom_tools.function(
        tool.get("description", str) or "", {name: form.get(name, str) or "" for name in parts}
    )
