"""Warns of a local model whose context is too small for an agent's own instructions and tools."""

import asyncio

from samplemind_cli.ai import http_client
from samplemind_cli.ai.contexts import Contexts
from samplemind_cli.ai.router import get_provider_url, provider_of
from samplemind_cli.ai.types import Endpoint, Provider, Route
from samplemind_cli.settings import Settings

AGENTS = ("claude", "codex", "gemini", "opencode")
NEEDED = 16_384  # tokens: their instructions take about 10,000


def warning(settings: Settings, tool: str, model: str) -> str:
    """The warning for this tool and model; "" if the context suffices or is unknown."""
    provider, name = provider_of(model, settings.rows)
    if tool not in AGENTS or provider != Provider.OLLAMA or model.startswith("auto") or not model:
        return ""
    route = Route(provider, Endpoint(get_provider_url(provider, settings), name))
    length = asyncio.run(_context_length(route))
    if length is None or length >= NEEDED:
        return ""
    return (
        f"{name} has a context of {length} tokens, and {tool}'s own instructions alone take about 10,000:"
        " choose a larger model with --model"
    )


async def _context_length(route: Route) -> int | None:
    try:
        return await Contexts().longest(route)
    finally:
        await http_client.close_http_client()
