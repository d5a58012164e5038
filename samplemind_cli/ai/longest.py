"""An upper bound of a call's tokens: never fewer than will be counted, often many more."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from samplemind_cli.ai import json_text
from samplemind_cli.ai.types import Call, Media, Request, Route, ToolResult

if TYPE_CHECKING:
    from samplemind_cli.ledger.prices import Prices, Tokens

IMAGE = 50_000  # tokens: the most that any provider counts for one image
HIDDEN, FOR_TOOLS = 200, 2_000  # tokens of a provider's own instructions
SPEED = 4_000  # tokens per second: no hosted model is faster
# Where each format has the answer's length limit, and the number of answers.
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict")
_CHOICES = ("n", "candidateCount", "best_of")
_STORED = {"cachedContent", "previous_response_id", "conversation"}  # a part of the prompt that the provider stores
_DENSE = ("file", "video")  # they may have more tokens than bytes: a document's text may be compressed
_UNCOUNTED = {"audio", "modalities", "responseModalities", "web_search_options", "speed", "mcp_servers", "prediction"}
_INSIDE = ("generationConfig", "options")
_HOUR = b'"ttl":"1h"'
_PAID_TOOLS = re.compile(
    r"search|fetch|code_?(execution|interpreter)|image_?generation|mcp|url_?context|maps|shell|retrieval", re.IGNORECASE
)
_TIERS = (None, "", "auto", "default", "standard", "standard_only", "flex", "on_demand")


def tokens(call: Call, request: Request | None, route: Route, prices: "Prices") -> "Tokens":
    """The most tokens of a call. No text has more tokens than bytes; content of unknown size fills the context."""
    from samplemind_cli.ledger.prices import Tokens

    name = route.provider, route.endpoint.model
    context, body = prices.context(*name), call.json if isinstance(call.json, Mapping) else {}
    said = json_text.dumps(body)
    media = list(_media(request)) if request else []
    data = sum(-(-len(one.data) // 3) * 4 for one in media)  # as base64
    images = sum(one.kind == "image" for one in media)
    sound = sum(len(one.data) for one in media if one.kind == "audio")  # a second of it has more bytes than tokens
    hidden = FOR_TOOLS if request and request.tools else HIDDEN
    stored = request is not None and bool(_STORED & set(request.extra))
    unseen = stored or any(one.kind in _DENSE or not one.data for one in media)
    read = context if unseen else min(context, len(said) - data + hidden + images * IMAGE + sound)
    if request is None:
        return Tokens(input=len(said))
    most = prices.longest_answer(*name)
    written = (_number(body, _LENGTHS) or most) * (_number(body, _CHOICES) or 1)
    return Tokens(input=read, output=written, hour=_HOUR in said.replace(b" ", b""), audio=min(sound, read))


def unpriced(request: Request | None, route: Route) -> str:
    """The part of a request whose cost cannot be known in advance; "" where there is none."""
    if request is None:
        return ""
    for tool in request.tools:
        kind = request.own_tool(tool)
        if "function" not in tool and _PAID_TOOLS.search(kind) and kind not in route.dropped:
            return f"the tool {kind.split()[-1]}"
    tier = request.extra.get("service_tier", request.extra.get("serviceTier"))
    if tier not in _TIERS and "service_tier" not in route.dropped:
        return f"the service tier {tier!r}"
    others = (_UNCOUNTED & set(request.extra)) - set(route.dropped)
    return min(others) if others else ""


def _media(request: Request) -> "list[Media]":
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    return [part for part in parts if isinstance(part, Media)]


def _number(body: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The largest number in one of these fields."""
    places = (body, *(body[name] for name in _INSIDE if isinstance(body.get(name), Mapping)))
    found = [place.get(name) for place in places for name in names]
    return max((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n > 0), default=0)
