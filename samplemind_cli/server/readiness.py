"""/readyz: whether a provider could answer, checked at most once a second."""

import asyncio
import time
from typing import Any

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.http_client import make_ai_request
from samplemind_cli.ai.types import Provider, Route
from samplemind_cli.errors import SamplemindError

FRESH = 1.0  # seconds
PATIENCE = 2.0
REACHED = "ok"
UNCHECKED = "configured, not checked"  # a call to a hosted provider costs money and counts toward its limits
USABLE = (REACHED, UNCHECKED)


class Readiness:
    """Checks whether a route is available; Redis may be down, as the server works without it."""

    def __init__(self, core: AICore) -> None:
        self._core = core
        self._lock = asyncio.Lock()
        self._seen: dict[str, Any] = {}
        self._until = 0.0

    async def look(self) -> dict[str, Any]:
        """`status` "ready" or "unready", and the state of each dependency."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._seen = await self._looked()
                self._until = time.monotonic() + FRESH
        return self._seen

    async def _looked(self) -> dict[str, Any]:
        routes = self._core.each_provider()
        redis, providers = await asyncio.gather(
            self._core.cache_answers(), asyncio.gather(*map(self._provider, routes))
        )
        checks = {str(route.provider): state for route, state in zip(routes, providers, strict=True)}
        ready = any(state in USABLE for state in checks.values())
        shared = {None: "not used", True: REACHED, False: "does not answer"}[redis]
        return {"status": "ready" if ready else "unready", "checks": {"redis": shared, **checks}}

    async def _provider(self, route: Route) -> str:
        """Why a provider is not available; "ok" only if it answered just now."""
        if route.skipped:
            return route.skipped
        if self._core.breakers[route.provider] == "open":
            return "has failed repeatedly"
        row = self._core.settings.row(route.provider)
        if not row.local or row.name == Provider.EMBEDDED:
            return UNCHECKED
        url = f"{route.endpoint.base_url}/{'api/version' if row.name == Provider.OLLAMA else 'models'}"
        headers = {"authorization": f"Bearer {route.endpoint.api_key}"} if route.endpoint.api_key else {}
        try:
            await make_ai_request(url, None, headers=headers, method="GET", connect=PATIENCE, read=PATIENCE, attempts=1)
        except SamplemindError as error:
            return error.message
        return REACHED
