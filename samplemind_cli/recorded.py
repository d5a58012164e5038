"""The addresses that `up` recorded of the stacks that count in a folder."""

import json
import os
from pathlib import Path
from typing import Any


def in_force(path: str, directory: str) -> list[tuple[str, dict[str, str]]]:
    """What `up` recorded of the stacks that count in `directory`, weakest first; a broken record is no record.

    The carried stack counts everywhere, a project's own in its folder and below, where it says where Ollama is and
    nothing else: answers are never written into the Redis of a project.
    """
    try:
        stacks = json.loads(Path(path).read_bytes())["stacks"].items()
        within = [(len(own["folder"]), name, own) for name, own in stacks if own["carried"] or _within(directory, own)]
        ranked = sorted(within, key=lambda stack: (not stack[2]["carried"], stack[:2]))
        return [(f"the stack {name}", _addresses(own)) for _, name, own in ranked]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _within(directory: str, stack: dict[str, Any]) -> bool:
    folder = stack["folder"]
    return bool(folder) and os.path.commonpath((os.path.realpath(directory), folder)) == folder


def _addresses(stack: dict[str, Any]) -> dict[str, str]:
    known = ("ollama_host", "redis_url") if stack["carried"] else ("ollama_host",)
    return {name: stack[name] for name in known if isinstance(stack.get(name), str)}
