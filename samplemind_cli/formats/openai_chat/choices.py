"""Reads the tool choice of OpenAI's chat clients."""

from typing import Any

from samplemind_cli.formats.fields import Fields

CHOICES = ("none", "auto", "required", "any")  # "any": Mistral's name for required
Tools = tuple[dict[str, Any], ...]


def read(fields: Fields, tools: Tools) -> tuple[str | dict[str, Any] | None, Tools]:
    """The choice, and the tools without those that are not allowed. Raises BadRequestError."""
    given = fields.raw.get("tool_choice")
    if given is None or isinstance(given, str):
        choice = fields.one_of("tool_choice", CHOICES, "auto") if given else None
        if choice in ("required", "any") and not tools:
            raise fields.wrong("tool_choice", "asks for a call, and there are no tools")
        return {"any": "required"}.get(choice or "", choice), tools
    named = fields.inner("tool_choice")
    if named.one_of("type", ("function", "allowed_tools"), "") == "function":
        return {"type": "function", "function": {"name": _name(fields, named, tools)}}, tools
    # The specification puts them into an object of their own; some clients do not.
    holder = named.inner("allowed_tools") if named.raw.get("allowed_tools") is not None else named
    allowed = {_name(fields, tool, tools) for tool in holder.items("tools")}
    kept = tuple(tool for tool in tools if tool["function"].get("name") in allowed)
    return holder.one_of("mode", ("auto", "required"), "auto"), kept


def _name(fields: Fields, holder: Fields, tools: Tools) -> str:
    name = holder.inner("function").need("name", str)
    if name not in [tool["function"].get("name") for tool in tools]:
        raise fields.wrong("tool_choice", f"names {name!r}, which is not one of the tools")
    return name
