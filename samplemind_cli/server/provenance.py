"""An answer's provenance: as headers, and as the JSON of `samplemind ask --json`."""

from typing import Any

import orjson

from samplemind_cli.ai.types import Answer, Chunk, Route
from samplemind_cli.server.interpreted import DROPPED

PROVENANCE = ("text", "thinking", "provider", "model", "cached", "finish_reason", "usage", "latency_ms", "key")


def headers(provider: str, model: str, tier: str) -> dict[str, str]:
    """The headers of an answer from `tier`: "miss", "local" or "redis".

    The route, `provider/model`, can be used as a model's name in another request.
    """
    return {
        "x-samplemind-cache": tier,
        "x-samplemind-provider": str(provider),
        "x-samplemind-route": f"{provider}/{model}",
    }


def of_chunk(first: Chunk) -> dict[str, str]:
    """The headers, from an answer's first chunk; with the dropped fields, and the wait for a rate limit."""
    route = routed(first)
    result = headers(route.provider, route.endpoint.model, tier(first))
    if route.dropped:
        result[DROPPED] = ", ".join(route.dropped)
    if first.held:
        result["x-samplemind-held"] = f"{first.held:.3f}"
    return result


def routed(first: Chunk) -> Route:
    """The route of an answer, which the core puts on its first chunk."""
    if first.route is None:
        raise AssertionError
    return first.route


def tier(first: Chunk) -> str:
    """The tier of the answer that begins with this chunk."""
    return (first.answer.cached or "miss") if first.answer else "miss"


def whole(answer: Answer) -> bytes:
    """An answer with its provenance, as JSON."""
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    facts: dict[str, Any] = {name: getattr(answer, name) for name in PROVENANCE}
    return orjson.dumps({**facts, "tool_calls": calls})
