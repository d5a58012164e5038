"""Tools as providers are offered them: each one a function, and the way back to the tool that the client knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.parts import ToolCall

CHOICES = ("none", "auto", "required")
LONGEST = 64  # characters of a function's name, as OpenAI has it
_FUNCTION = {"type", "name", "description", "parameters", "strict"}
_CUSTOM = {"type", "name", "description", "format"}
# Items of the input that bring further tools.
_BRINGING = ("additional_tools", "tool_search_output")


@dataclass(frozen=True, slots=True)
class Tool:
    """What a function stands for. `custom`: its one argument is the whole input, and that is text."""

    name: str
    namespace: str = ""
    custom: bool = False


@dataclass(slots=True)
class Offer:
    """The functions, the tools that they stand for, and those that only OpenAI itself can run, by their type."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)
    left: dict[str, list[Any]] = field(default_factory=dict)

    def find(self, name: str) -> Tool:
        """The tool behind a function; a name that was never offered stands for itself."""
        return self.tools.get(name) or Tool(name)


def offered(fields: Fields) -> Offer:
    """What a request offers. A namespace's tools are functions of their own. Raises BadRequestError."""
    offer = Offer()
    for tool, namespace in _all(fields):
        kind = tool.one_of("type", ("function", "custom"), "") if namespace else tool.need("type", str)
        if kind == "function":
            _add(offer, tool, namespace, _function(tool))
        elif kind == "custom":
            _add(offer, tool, namespace, _custom(tool), custom=True)
        else:
            offer.left.setdefault(kind, []).append(tool.raw)
    return offer


def offered_name(name: str, namespace: str) -> str:
    """A function's name for a tool in a namespace; one that is too long ends in a fingerprint."""
    found = f"{namespace.removesuffix('__')}__{name}" if namespace else name
    if len(found) <= LONGEST or not namespace:
        return found
    return f"{found[:51]}_{blake3(found.encode()).hexdigest()[:12]}"


def given_input(call: ToolCall) -> str:
    """The text for a custom tool out of a function's arguments, also where the model named it otherwise."""
    if not reading.is_object(call.arguments):
        return call.arguments
    given = reading.given_arguments(call)
    texts = [given["input"]] if "input" in given else list(given.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else call.arguments


def choice(fields: Fields, offer: Offer) -> str | dict[str, Any] | None:
    """`tool_choice` in the words of chat completions; of allowed tools only those stay. Raises BadRequestError."""
    given = fields.raw.get("tool_choice")
    if given is None or isinstance(given, str):
        found: str | dict[str, Any] | None = fields.one_of("tool_choice", CHOICES, "auto") if given else None
    else:
        found = _named(fields, fields.inner("tool_choice"), offer)
    if offer.left and found not in (None, "auto", "none"):
        kinds = ", ".join(sorted(offer.left))
        why = f"include {kinds}, which only OpenAI can run: they are left out only if tool_choice is auto"
        raise fields.wrong("tools", why, "unsupported_value")
    return found if offer.functions else None


def _named(fields: Fields, given: Fields, offer: Offer) -> str | dict[str, Any]:
    kind = given.need("type", str)
    if kind == "allowed_tools":
        allowed = [_function_name(given, tool, offer) for tool in given.items("tools") if _is_ours(tool)]
        offer.functions = [tool for tool in offer.functions if tool["function"]["name"] in allowed]
        offer.left = {}
        return given.one_of("mode", ("auto", "required"), "auto")
    if not _is_ours(given):
        raise fields.wrong("tool_choice", f"asks for {kind}, which only OpenAI can run", "unsupported_value")
    return {"type": "function", "function": {"name": _function_name(given, given, offer)}}


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
            tools += item.items("tools") if item.raw.get("type") in _BRINGING else []
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
        return  # an item of the input brings it again
    hints = {key: value for key, value in tool.raw.items() if key not in known and value is not None}
    offer.functions.append({"type": "function", "function": function, **hints})
    offer.tools[function["name"]] = Tool(name, namespace, custom)


def _function(tool: Fields) -> dict[str, Any]:
    kinds: tuple[tuple[str, type[Any]], ...] = (("description", str), ("parameters", dict), ("strict", bool))
    said = {name: tool.get(name, kind) for name, kind in kinds}
    return {"name": "", **{name: value for name, value in said.items() if value is not None}}


def _custom(tool: Fields) -> dict[str, Any]:
    """A function of one text. Its grammar is told in words, for no other provider keeps to one."""
    form = tool.inner("format")
    described = [tool.get("description", str) or ""]
    if form.raw.get("type") == "grammar":
        syntax, definition = form.get("syntax", str) or "", form.get("definition", str) or ""
        described.append(f"The input must follow this {syntax} grammar:\n{definition}")
    text = {"type": "string", "description": "The whole input, as text"}
    parameters = {"type": "object", "properties": {"input": text}, "required": ["input"], "additionalProperties": False}
    return {"name": "", "description": "\n\n".join(filter(None, described)), "parameters": parameters}
