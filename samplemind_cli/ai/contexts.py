"""How long a prompt Ollama's models take: one that cannot fit is refused at once, and a refusal says how long it is."""

from time import monotonic
from typing import Any

from samplemind_cli.ai import http_client
from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.types import Fault, Provider, Request, Route, Text, ToolResult
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats import reading

LIFE = 60.0  # seconds that a model's context is remembered
PATIENCE = 5.0  # seconds that the daemon has to say it
LONGEST = 16  # characters of a token, and more than any text's mean: what is longer fits nowhere
SHORT = 8_192  # characters that fit nearly everywhere: nobody is asked


class Contexts:
    """What daemons say of their models' contexts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int | None, float]] = {}

    async def check(self, route: Route, request: Request) -> None:
        """Raise UnavailableError for a prompt that is certainly too long: the daemon would count for minutes."""
        if route.provider != Provider.OLLAMA or (size := _size(request)) < SHORT:
            return
        most = await self.longest(route)
        if most and size > most * LONGEST:
            message = _message(route, most, most)
            raise UnavailableError(message, fault=Fault("too_long", message))

    async def explain(self, route: Route, error: UnavailableError) -> None:
        """Say in a refusal for its length how long a prompt may be, and what helps."""
        if route.provider != Provider.OLLAMA or not error.fault or error.fault.kind != "too_long":
            return
        most = await self.longest(route)
        now = _of(await _query(route, "/api/ps", None), route.endpoint.model)
        if length := now or most:
            error.message = _message(route, length, most or length)

    async def longest(self, route: Route) -> int | None:
        """The longest context of a model; None where nobody says."""
        name = route.endpoint.base_url, route.endpoint.model
        found, until = self._known.get(name, (None, 0.0))
        if until < monotonic():
            shown = await _query(route, "/api/show", {"model": route.endpoint.model})
            facts = reading.mapping(shown.get("model_info"))
            found = next((reading.count(facts[fact]) for fact in facts if fact.endswith(".context_length")), None)
            self._known[name] = found, monotonic() + LIFE
        return found


def _size(request: Request) -> int:
    """The characters of a prompt's words."""
    parts = (part for message in request.messages for part in message.parts)
    return sum(len(part.text) for part in parts if isinstance(part, Text | ToolResult))


def _message(route: Route, length: int, most: int) -> str:
    message = f"the prompt is longer than the context of {route.endpoint.model}, {length} tokens"
    if most > length:
        return f"{message} (of {most} that it could have): raise OLLAMA_CONTEXT_LENGTH, or choose another model"
    return f"{message}: choose a model with a longer one (--model)"


def _of(running: dict[str, Any], model: str) -> int | None:
    """The context that a model has in memory."""
    names = (model, f"{model}:latest")
    models = reading.mappings(running.get("models"))
    return next((reading.count(one.get("context_length")) for one in models if one.get("name") in names), None)


async def _query(route: Route, path: str, body: Any) -> dict[str, Any]:
    """What a daemon says; nothing where it does not."""
    url, method = f"{route.endpoint.base_url}{path}", "GET" if body is None else "POST"
    try:
        found = await http_client.make_ai_request(url, body, method=method, read=PATIENCE, attempts=1)
    except ProviderError:
        return {}
    return reading.mapping(found)
