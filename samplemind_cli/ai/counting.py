"""A prompt's tokens, counted by the provider of its route if that has an endpoint for it."""

import asyncio

from samplemind_cli.ai import http_client
from samplemind_cli.ai.adapters import COUNTERS
from samplemind_cli.ai.types import Request, Route
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings

PATIENCE = 10.0  # seconds; after that an estimate is used


async def counted(settings: Settings, route: Route, request: Request) -> int | None:
    """The tokens as a route's provider counts them; None where it does not, or not now."""
    row = settings.row(route.provider)
    counter = COUNTERS.get("openai_responses" if row.responses else row.client)
    if counter is None or route.skipped:
        return None
    call = counter.count(request, route.endpoint)
    try:
        async with asyncio.timeout(PATIENCE):
            body = await http_client.make_ai_request(
                call.url, call.json, headers=call.headers, read=PATIENCE, attempts=1
            )
    except (SamplemindError, TimeoutError):
        return None
    return counter.read_count(body)
