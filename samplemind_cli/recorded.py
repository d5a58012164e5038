"""The addresses that `up` recorded of the stacks in force in a folder."""

import json
import os
from collections.abc import ItemsView
from pathlib import Path
from typing import Any


def in_force(path: str, directory: str) -> list[tuple[str, dict[str, str]]]:
    """The name and addresses of each stack in force in `directory`, weakest first; a broken record counts as none.

    The carried stack is in force everywhere, a project's own in its folder and below, for Ollama's address alone:
    answers are never written into a project's Redis.
    """
    try:
        in_scope = [
            (not stack["carried"], len(stack["folder"]), name, _addresses(stack))
            for name, stack in _stacks(path)
            if stack["carried"] or _within(directory, stack)
        ]
        return [(f"the stack {name}", addresses) for *_, name, addresses in sorted(in_scope, key=lambda s: s[:3])]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def strangers(path: str, directory: str) -> dict[str, str]:
    """By HOST:PORT on this machine, the project whose container listens there, of stacks not in force here."""
    try:
        return {
            host: name
            for name, stack in _stacks(path)
            if not stack["carried"] and not _within(directory, stack)
            for service in stack["services"].values()
            if not service.get("adopted")
            for host in (service["host"], *service.get("also", ()))
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _stacks(path: str) -> ItemsView[str, dict[str, Any]]:
    stacks: dict[str, dict[str, Any]] = json.loads(Path(path).read_bytes())["stacks"]
    return stacks.items()


def _within(directory: str, stack: dict[str, Any]) -> bool:
    folder = stack["folder"]
    return bool(folder) and os.path.commonpath((os.path.realpath(directory), folder)) == folder


def _addresses(stack: dict[str, Any]) -> dict[str, str]:
    names = ("ollama_host", "redis_url") if stack["carried"] else ("ollama_host",)
    return {name: stack[name] for name in names if isinstance(stack.get(name), str)}
