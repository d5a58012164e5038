"""Shell completion of model names, from the Ollama daemon."""

import asyncio
import re

from samplemind_cli.ai import http_client
from samplemind_cli.ai.router import ollama_url
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")  # safe in a shell, which would run a $(command) in a name


def installed_models(settings: Settings) -> list[str]:
    """Their names; none if the daemon does not answer within half a second, as a completion must not block."""

    async def names() -> list[str]:
        try:
            url = ollama_url(settings.ollama_host) + "/api/tags"
            body = await http_client.make_ai_request(url, None, method="GET", connect=0.3, read=0.5, attempts=1)
            return [model["name"] for model in body["models"] if WORD.fullmatch(model["name"])]
        except (SamplemindError, KeyError, TypeError):
            return []
        finally:
            await http_client.close_http_client()

    return asyncio.run(names())
