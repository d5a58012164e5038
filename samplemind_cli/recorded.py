"""The addresses that `up` recorded of the stacks that count in a folder."""

import json
import os
from collections.abc import ItemsView
from pathlib import Path
from typing import Any


def in_force(path: str, directory: str) -> list[tuple[str, dict[str, str]]]:
    """What `up` recorded of the stacks that count in `directory`, weakest first; a broken record is no record.

    The carried stack counts everywhere, a project's own in its folder and below, where it says where Ollama is and
    nothing else: answers are never written into the Redis of a project.
    """
    try:
        stacks = _stacks(path)
        within = [(len(own["folder"]), name, own) for name, own in stacks if own["carried"] or _within(directory, own)]
        ranked = sorted(within, key=lambda stack: (not stack[2]["carried"], stack[:2]))
        return [(f"the stack {name}", _addresses(own)) for _, name, own in ranked]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def strangers(path: str, directory: str) -> dict[str, str]:
    """HOST:PORT on this machine, and whose project's container listens there, of stacks that do not count here."""
    try:
        return {
            host: name
            for name, own in _stacks(path)
            if not own["carried"] and not _within(directory, own)
            for service in own["services"].values()
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
    known = ("ollama_host", "redis_url") if stack["carried"] else ("ollama_host",)
    return {name: stack[name] for name in known if isinstance(stack.get(name), str)}
