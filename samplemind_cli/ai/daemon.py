"""The Ollama daemon's memory: load a model, unload it, list the loaded ones."""

from typing import Any

from samplemind_cli.ai import http_client
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.reasons import nobody, passed_over
from samplemind_cli.ai.types import Route
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats import reading
from samplemind_cli.formats.ollama import client
from samplemind_cli.providers import TABLE

LOADING = 300.0  # seconds that a large model may take to load


async def load(route: Route, keep_alive: Any, *, unload: bool) -> None:
    """Load a model into memory, or unload it. Raises ProviderError."""
    body = {"model": route.endpoint.model, "prompt": "", "keep_alive": 0 if unload else keep_alive}
    plain = {name: value for name, value in body.items() if value is not None}
    await _asked(route, "/api/generate", {**plain, "stream": False}, "POST")


async def loaded(route: Route) -> list[str]:
    """The names of the models in memory; none where the daemon does not answer."""
    try:
        return client.read_models(await _asked(route, "/api/ps", None, "GET"))
    except ProviderError:
        return []


async def _asked(route: Route, path: str, body: Any, method: str) -> Any:
    try:
        url = f"{route.endpoint.base_url}{path}"
        found = await http_client.make_ai_request(url, body, method=method, read=LOADING, attempts=1)
    except UnavailableError as error:
        raise nobody([passed_over(route, error, TABLE[route.provider])]) from error
    return reading.mapping(found)
