"""Finds a local model that can answer now."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from samplemind_cli.ai import embedded, router
from samplemind_cli.ai.http_client import close_http_client, make_ai_request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

T = TypeVar("T")
TAGS = 5.0  # seconds for the list of models
PATIENCE = 30.0  # seconds for one short answer; a slower model would hold up the board


async def in_time(answer: Awaitable[T], seconds: float = PATIENCE) -> T:
    """The awaited result. Raises ProviderError after `seconds`."""
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        raise ProviderError(f"no answer within {seconds:.0f} s") from None


async def local_model(settings: Settings) -> tuple[str, str]:
    """The local provider that can answer now, and its name for display. Raises ProviderError if there is none."""
    absent = await ollama_absent(settings)
    if not absent:
        return "ollama", f"{settings.ollama_model} in Ollama"
    if (missing := embedded_absent(settings)) == "":
        return "embedded", f"the embedded {embedded.model_name(settings)}"
    raise ProviderError(f"no local model: {absent}; embedded: {missing}")


async def ollama_absent(settings: Settings) -> str:
    """Why the settings' model in Ollama cannot answer, with the command that helps; "" if it can."""
    url = router.ollama_url(settings.ollama_host)
    try:
        body = await make_ai_request(f"{url}/api/tags", None, method="GET", attempts=1, read=TAGS)
    except ProviderError:
        return f"no Ollama answers at {url}: samplemind up ollama"
    finally:
        await close_http_client()
    names = [model["name"] for model in body["models"]]
    model = settings.ollama_model
    return "" if {model, f"{model}:latest"} & set(names) else f"Ollama has no {model}: samplemind pull-models {model}"


def embedded_absent(settings: Settings) -> str:
    """The same for the embedded model."""
    if why := embedded.available():
        return f"{why}: {embedded.INSTALL}"
    return "" if embedded.is_present(settings) else "not fetched: samplemind pull-models --embedded"
