"""The cached, routed AI core.

>>> from samplemind_cli.ai import AICore
>>> AICore().ask_sync("What key is A C# E?").text
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samplemind_cli.ai.core import AICore
    from samplemind_cli.ai.router import Provider, TaskType, route_request
    from samplemind_cli.ai.types import (
        Answer,
        Chunk,
        Media,
        Message,
        Options,
        Request,
        Text,
        Thinking,
        ToolCall,
        ToolResult,
        Usage,
        attachment,
    )

__all__ = [
    "AICore",
    "Answer",
    "Chunk",
    "Media",
    "Message",
    "Options",
    "Provider",
    "Request",
    "TaskType",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "Usage",
    "attachment",
    "route_request",
]


def __getattr__(name: str) -> Any:
    """Import each name on first use: the vocabulary alone does not load the core."""
    if name not in __all__:
        raise AttributeError(name)
    home = {"AICore": "core", "Provider": "router", "TaskType": "router", "route_request": "router"}.get(name, "types")
    return getattr(import_module(f"samplemind_cli.ai.{home}"), name)
