"""The routes that list the models: OpenAI's and Anthropic's clients use one path, Gemini's another."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import orjson

from samplemind_cli.ai.types import Provider
from samplemind_cli.formats.anthropic_messages import catalog as anthropic
from samplemind_cli.formats.fields import BadRequestError
from samplemind_cli.formats.gemini import catalog as gemini
from samplemind_cli.formats.gemini.server import error as gemini_error
from samplemind_cli.formats.headers import of_anthropics_client
from samplemind_cli.server.chats import Chats
from samplemind_cli.server.message import HttpError, Incoming, Reply
from samplemind_cli.server.routes import Operation


class ModelLists:
    """Handlers of the lists of models."""

    def __init__(self, chats: Chats) -> None:
        self._names = chats.models

    def operations(self) -> tuple[Operation, ...]:
        """The routes."""
        return (
            Operation("GET", "/v1/models", self._models),
            Operation("GET", "/v1/models/{model}", self._model),
            Operation("GET", "/v1beta/models", self._gemini_models, gemini_error),
            Operation("GET", "/v1beta/models/{model}", self._gemini_model, gemini_error),
        )

    async def _models(self, incoming: Incoming) -> Reply:
        names = await self._names(incoming)
        if of_anthropics_client(incoming.headers):
            return Reply(_page(names, incoming.query))
        return Reply(orjson.dumps({"object": "list", "data": [_openai(name) for name in names]}))

    async def _model(self, incoming: Incoming) -> Reply:
        name = incoming.params[0]
        if name not in await self._names(incoming):
            raise HttpError(404, f"there is no model {name[:200]}", "model_not_found", param="model")
        return Reply(anthropic.model(name) if of_anthropics_client(incoming.headers) else orjson.dumps(_openai(name)))

    async def _gemini_models(self, incoming: Incoming) -> Reply:
        return Reply(gemini.models(await self._names(incoming)))

    async def _gemini_model(self, incoming: Incoming) -> Reply:
        name, known = incoming.params[0], await self._names(incoming)
        if name not in known and f"{Provider.GEMINI}/{name}" not in known:
            raise HttpError(404, f"there is no model {name[:200]}", "model_not_found")
        return Reply(gemini.model(name))


def _page(names: Sequence[str], query: str) -> bytes:
    """The page that one of Anthropic's clients requests. Raises BadRequestError."""
    parameters = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = parameters.get("limit", str(anthropic.MOST))
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= anthropic.MOST:
        raise BadRequestError(f"limit must be 1 to {anthropic.MOST}", param="limit")
    return anthropic.models(names, int(limit), parameters.get("after_id", ""), parameters.get("before_id", ""))


def _openai(name: str) -> dict[str, Any]:
    owner = name.partition("/")[0] if "/" in name else "samplemind"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
