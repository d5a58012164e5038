"""The available models: the lists of each daemon and each hosted provider with a key, cached for a while."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic

from samplemind_cli.ai import http_client
from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.router import NO_MODEL
from samplemind_cli.ai.types import Client, Provider, Route
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings

LIFE = 60.0  # seconds that a list is cached
PATIENCE = 3.0  # seconds to wait for one; clients that list models give up as soon


class Catalog:
    """The models behind routes, as their providers list them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def models(self, routes: Iterable[Route]) -> list[str]:
        """`provider/model` of every model, the routes' own first; of a provider that does not answer only its own."""
        reachable = [route for route in routes if route.skipped in ("", NO_MODEL)]
        lists = await asyncio.gather(*map(self._listed, reachable))
        pairs = list(zip(reachable, lists, strict=True))
        own = [route.name for route, names in pairs if _is_there(route, names)]
        return list(dict.fromkeys((*own, *(f"{route.provider}/{name}" for route, names in pairs for name in names))))

    async def _listed(self, route: Route) -> tuple[str, ...]:
        if route.provider == Provider.EMBEDDED:
            return (route.endpoint.model,)
        name = f"{route.provider} {route.endpoint.base_url}"
        kept = self._kept.get(name)
        if kept is None or kept[0] < monotonic():
            found = await _fetched(route, CLIENTS[self._settings.row(route.provider).client])
            self._kept[name] = kept = (monotonic() + LIFE, found)
        return kept[1]


def _is_there(route: Route, listed: Sequence[str]) -> bool:
    """Whether a route's own model exists; without a list, a hosted one is assumed to."""
    return route.endpoint.model in listed or (
        bool(route.endpoint.model) and not listed and route.provider != Provider.OLLAMA
    )


async def _fetched(route: Route, client: Client) -> tuple[str, ...]:
    call = client.models(replace(route.endpoint, model=""))
    try:
        async with asyncio.timeout(PATIENCE):
            body = await http_client.make_ai_request(
                call.url, None, headers=call.headers, method="GET", connect=1.0, read=PATIENCE, attempts=1
            )
    except (SamplemindError, TimeoutError):
        return ()
    return tuple(dict.fromkeys(client.read_models(body)))
