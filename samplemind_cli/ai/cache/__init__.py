"""The answer cache: its keys, and its two tiers."""

import functools
from collections.abc import Mapping
from typing import Any

from samplemind_cli.ai.cache.entry import Hit, cache_key, prompt_fingerprint
from samplemind_cli.ai.cache.tiers import Cache
from samplemind_cli.settings import Settings

__all__ = ["Cache", "Hit", "cache_key", "cache_response", "get_cached_response", "prompt_fingerprint"]


async def get_cached_response(provider: str, payload: Mapping[str, Any]) -> Any | None:
    """What was stored for this payload, or None."""
    hit = await default_cache().get(cache_key(provider, payload))
    return hit.value if hit else None


async def cache_response(provider: str, payload: Mapping[str, Any], response: Any, ttl: float | None = None) -> None:
    """Store a JSON document for `ttl` seconds (None: the setting's; 0: not at all)."""
    await default_cache().put(cache_key(provider, payload), response, ttl)


@functools.cache
def default_cache() -> Cache:
    """The process's cache, as Settings.load() finds it at the first call."""
    import logging

    return Cache(Settings.load(), logging.getLogger(__name__).warning)
