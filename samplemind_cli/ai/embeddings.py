"""Create embeddings, through the same cache, limits and breakers as answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

from samplemind_cli.ai import reasons
from samplemind_cli.ai.adapters import EMBEDDERS
from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.caller import Caller
from samplemind_cli.ai.http_client import Patience, UnavailableError
from samplemind_cli.ai.types import Embeddings, Inputs, Options, Provider, Route
from samplemind_cli.errors import ProviderError, UnsupportedError, UsageError
from samplemind_cli.settings import Settings

AT_ONCE = 2048  # texts in one call, as OpenAI has it
TOKENS = (Provider.OPENAI,)  # providers that accept token ids, which are specific to a model
AT_ONCE_HERE = 32  # the embedded model computes one text at a time, and others wait


class Vectors:
    """Embeds texts with one core's settings, cache and caller."""

    def __init__(self, settings: Settings, cache: Cache, caller: Caller) -> None:
        self._settings = settings
        self._cache = cache
        self._caller = caller

    async def embed(self, route: Route, texts: Inputs, dimensions: int | None, options: Options) -> Embeddings:
        """A vector per text, by the model of one route. Raises ProviderError; UsageError when it gives none."""
        if self._settings.row(route.provider).client not in EMBEDDERS:
            known = ", ".join(row.name for row in self._settings.configured() if row.client in EMBEDDERS)
            raise UsageError(f"{route.provider} has no embeddings", f"known: {known}")
        if route.skipped:
            raise reasons.nobody([route])
        if route.provider not in TOKENS and not all(isinstance(text, str) for text in texts):
            why = f"{route.provider} takes texts, not token ids (LangChain: check_embedding_ctx_length=False)"
            raise UnsupportedError(why, "send the texts", (route,), frozenset({"input"}))
        place = {"base_url": route.endpoint.base_url, "model": route.endpoint.model}
        key = cache_key(route.provider, {"embed": list(texts), "dimensions": dimensions, **place})
        age = options.ttl if options.max_age is None else options.max_age
        hit = await self._cache.get(key, age) if options.cache == "use" else None
        if hit and (found := _stored(hit.value, len(texts))):
            return _embeddings(*found, route, hit.tier)
        vectors, tokens = await self._asked(route, texts, dimensions, options)
        if options.cache != "off":
            value = {"vectors": vectors, "tokens": tokens, "model": route.endpoint.model}  # by which it is cleared
            await self._cache.put(key, value, options.ttl)
        return _embeddings(vectors, tokens, route, False)

    async def _asked(
        self, route: Route, texts: Inputs, dimensions: int | None, options: Options
    ) -> tuple[list[list[float]], int | None]:
        deadline = asyncio.get_running_loop().time() + (options.timeout or self._settings.deadline)
        patience = self._caller.patience(route, deadline, options, last=True)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._in_turn(route, texts, dimensions, patience, options)
        except UnavailableError as error:
            raise reasons.nobody([reasons.passed_over(route, error, self._settings.row(route.provider))]) from error
        except TimeoutError as late:
            raise ProviderError(f"{route.provider}: no embeddings in time", "raise the timeout") from late

    async def _in_turn(
        self, route: Route, texts: Inputs, dimensions: int | None, patience: Patience, options: Options
    ) -> tuple[list[list[float]], int | None]:
        """As many calls as the number of texts requires."""
        size = AT_ONCE_HERE if route.provider == Provider.EMBEDDED else AT_ONCE
        vectors: list[list[float]] = []
        counts: list[int | None] = []
        for start in range(0, len(texts), size):
            some = texts[start : start + size]
            found, counted = await self._caller.vectors(route, some, dimensions, patience, options)
            vectors += found
            counts.append(counted)
        return vectors, None if None in counts else sum(filter(None, counts))


def named(routes: Sequence[Route], options: Options) -> Route:
    """The one route that `options` name. Raises UsageError: vectors of different models cannot be compared."""
    route = routes[0]
    if not (options.provider or options.model):
        raise UsageError(
            "embeddings need a model's name: vectors of different models cannot be compared", "ollama/NAME"
        )
    other = options.model.removeprefix(f"{Provider.EMBEDDED}/") if route.provider == Provider.EMBEDDED else ""
    if other not in ("", route.endpoint.model):
        known = f"{Provider.EMBEDDED}/{route.endpoint.model}"
        raise UsageError(f"there is no embedded model {other}; known: {known}", f"ask for {known}")
    return route


def _stored(value: Any, wanted: int) -> tuple[list[list[float]], int | None] | None:
    """A stored value, or None when it is invalid: others may write into a shared Redis."""
    vectors, tokens = (value.get("vectors"), value.get("tokens")) if isinstance(value, dict) else (None, None)
    if not isinstance(vectors, list) or len(vectors) != wanted or not (tokens is None or isinstance(tokens, int)):
        return None
    numbers = all(isinstance(vector, list) and set(map(type, vector)) <= {float, int} for vector in vectors)
    return (vectors, tokens) if numbers else None


def _embeddings(vectors: list[list[float]], tokens: int | None, route: Route, cached: Any) -> Embeddings:
    return Embeddings(
        vectors=tuple(map(tuple, vectors)),
        provider=route.provider,
        model=route.endpoint.model,
        tokens=tokens,
        cached=cached,
    )
