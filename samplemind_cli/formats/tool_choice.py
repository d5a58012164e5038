"""A choice of several allowed tools; a provider without such a choice gets only those tools."""

from collections.abc import Mapping, Sequence
from typing import Any

Tool = Mapping[str, Any]
Choice = str | Mapping[str, Any]
_ALLOWED = "allowed_tools"


def named(name: str) -> dict[str, Any]:
    """The choice of a function by its name, in the shape of chat completions."""
    return {"type": "function", "function": {"name": name}}


def among(tools: Sequence[Tool], allowed: Sequence[Tool], mode: str) -> str | dict[str, Any]:
    """The choice of the `allowed` tools; only `mode` if that is all of them."""
    if len(chosen := [tool for tool in tools if _is_one_of(tool, allowed)]) == len(tools):
        return mode
    listed = [named(tool["function"]["name"]) if "function" in tool else dict(tool) for tool in chosen]
    return {"type": _ALLOWED, _ALLOWED: {"mode": mode, "tools": listed}} if listed else "none"


def several(choice: Choice | None) -> tuple[str, list[dict[str, Any]]] | None:
    """The mode and the tools of a choice of several; None for any other choice."""
    if isinstance(choice, Mapping) and isinstance(allowed := choice.get(_ALLOWED), Mapping):
        return allowed.get("mode", "auto"), allowed.get("tools", [])
    return None


def narrowed(tools: Sequence[Tool], choice: Choice | None) -> tuple[tuple[Tool, ...], Choice | None]:
    """The tools that may be called, and the choice among them, for a provider without a choice of several."""
    if (chosen := several(choice)) is None:
        return tuple(tools), choice
    mode, allowed = chosen
    return tuple(tool for tool in tools if _is_one_of(tool, allowed)), mode


def _is_one_of(tool: Tool, allowed: Sequence[Tool]) -> bool:
    """Whether a tool is allowed: a function by its name, a format's own by the fields in the choice."""
    if "function" in tool:
        return tool["function"].get("name") in [one["function"].get("name") for one in allowed if "function" in one]
    return any(one and all(tool.get(name) == value for name, value in one.items()) for one in allowed)
