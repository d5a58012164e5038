"""A choice of several tools, of which alone one may be called; who has no word for it is offered only those."""

from collections.abc import Mapping, Sequence
from typing import Any

Tool = Mapping[str, Any]
Choice = str | Mapping[str, Any]
_ALLOWED = "allowed_tools"


def named(name: str) -> dict[str, Any]:
    """A function by its name, as chat completions have it in a choice."""
    return {"type": "function", "function": {"name": name}}


def among(tools: Sequence[Tool], allowed: Sequence[Tool], mode: str) -> str | dict[str, Any]:
    """The choice of the `allowed` among the tools: `mode` alone where that is all of them."""
    if len(chosen := [tool for tool in tools if _is_one_of(tool, allowed)]) == len(tools):
        return mode
    told = [named(tool["function"]["name"]) if "function" in tool else dict(tool) for tool in chosen]
    return {"type": _ALLOWED, _ALLOWED: {"mode": mode, "tools": told}} if told else "none"


def several(choice: Choice | None) -> tuple[str, list[dict[str, Any]]] | None:
    """The mode and the tools of a choice of several; None for any other choice."""
    if isinstance(choice, Mapping) and isinstance(found := choice.get(_ALLOWED), Mapping):
        return found.get("mode", "auto"), found.get("tools", [])
    return None


def narrowed(tools: Sequence[Tool], choice: Choice | None) -> tuple[tuple[Tool, ...], Choice | None]:
    """The tools that may be called, and the choice among them, for who has no word for some of them."""
    if (found := several(choice)) is None:
        return tuple(tools), choice
    mode, allowed = found
    return tuple(tool for tool in tools if _is_one_of(tool, allowed)), mode


def _is_one_of(tool: Tool, allowed: Sequence[Tool]) -> bool:
    """Whether a tool is named: a function by its name, a format's own by the fields that the choice has of it."""
    if "function" in tool:
        return tool["function"].get("name") in [one["function"].get("name") for one in allowed if "function" in one]
    return any(one and all(tool.get(name) == value for name, value in one.items()) for one in allowed)
