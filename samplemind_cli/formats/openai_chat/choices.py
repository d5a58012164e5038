"""Reads the tool choice of OpenAI's chat clients."""

from typing import Any

from samplemind_cli.formats import tool_choice
from samplemind_cli.formats.fields import Fields

CHOICES = ("none", "auto", "required", "any")  # "any": Mistral's name for required
_KINDS = ("function", "custom")
KINDS = (*_KINDS, "allowed_tools")
Tools = tuple[dict[str, Any], ...]


def read(fields: Fields, tools: Tools) -> str | dict[str, Any] | None:
    """The choice among the tools. Raises BadRequestError."""
    given = fields.raw.get("tool_choice")
    if given is None or isinstance(given, str):
        choice = fields.one_of("tool_choice", CHOICES, "auto") if given else None
        if choice in ("required", "any") and not tools:
            raise fields.wrong("tool_choice", "asks for a call, and there are no tools")
        return {"any": "required"}.get(choice or "", choice)
    named = fields.inner("tool_choice")
    if (word := named.raw.get("type")) in CHOICES:  # as Cursor sends it
        return read(Fields({**fields.raw, "tool_choice": word}), tools)
    if named.one_of("type", KINDS, "function" if named.raw.get("function") else "") != "allowed_tools":
        return tool_choice.named(_name(fields, named, tools))
    # The specification puts them into an object of their own; some clients do not.
    holder = named.inner("allowed_tools") if named.raw.get("allowed_tools") is not None else named
    mode = holder.one_of("mode", ("auto", "required"), "auto")
    allowed = [tool_choice.named(_name(fields, tool, tools)) for tool in holder.items("tools")]
    if mode == "required" and not allowed:
        raise fields.wrong("tool_choice", "asks for a call, and there are no tools")
    return tool_choice.among(tools, allowed, mode)


def _name(fields: Fields, holder: Fields, tools: Tools) -> str:
    name = holder.inner(holder.one_of("type", _KINDS, "function")).need("name", str)
    if name not in [tool["function"].get("name") for tool in tools if "function" in tool]:
        raise fields.wrong("tool_choice", f"names {name!r}, which is not one of the tools")
    return name
