"""The models of the hosted providers, or why a provider was not called."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from samplemind_cli.ai import http_client, router
from samplemind_cli.ai.core import AICore
from samplemind_cli.providers import Provider
from samplemind_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class HostedProvider:
    """One provider: its URL, its models (`PROVIDER/MODEL`), and the reason and fix if it was not called."""

    provider: str
    url: str
    models: tuple[str, ...]
    reason: str
    fix: str

    def as_json(self) -> dict[str, Any]:
        """The documented shape."""
        return asdict(self)


def hosts(settings: Settings) -> list[HostedProvider]:
    """Every configured provider with its models; one that cannot list them has the model that would be used."""

    async def listed() -> list[str]:
        try:
            return await core.models(routes)
        finally:
            await http_client.close_http_client()

    core = AICore(settings)
    routes = [r for r in core.each_provider() if r.provider not in (Provider.OLLAMA, Provider.EMBEDDED)]
    names = asyncio.run(listed())
    return [
        HostedProvider(
            str(route.provider),
            router.shown(route.endpoint.base_url),
            tuple(name for name in names if name.startswith(f"{route.provider}/")),
            route.skipped,
            route.fix,
        )
        for route in routes
    ]
