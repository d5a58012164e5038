"""Completion: the models that the daemon has."""

import asyncio
import re

from samplemind_cli.ai import http_client
from samplemind_cli.ai.router import ollama_url
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")  # what a shell takes as it is; it would run a $(command) in a name


def installed_models(settings: Settings) -> list[str]:
    """Their names; none when the daemon does not answer at once, for a completion must never stand in the way."""

    async def names() -> list[str]:
        try:
            url = ollama_url(settings.ollama_host) + "/api/tags"
            found = await http_client.make_ai_request(url, None, method="GET", connect=0.3, read=0.5, attempts=1)
            return [model["name"] for model in found["models"] if WORD.fullmatch(model["name"])]
        except (SamplemindError, KeyError, TypeError):
            return []
        finally:
            await http_client.close_http_client()

    return asyncio.run(names())
