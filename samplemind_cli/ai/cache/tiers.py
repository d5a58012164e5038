"""Both tiers as one cache: the local one first, then Redis, whose answers are copied to the local one."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from samplemind_cli.ai.cache.entry import LONGEST, Entry, Hit, decode, encode
from samplemind_cli.ai.cache.local import LocalTier
from samplemind_cli.ai.cache.removal import EVERYTHING, Removal
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ai.cache.address import Address
    from samplemind_cli.ai.cache.redis import RedisTier


class Cache:
    """The answer cache as `settings` configure it; a tier's failure is reported once through `warn`, never raised.

    `long_lived`: this process makes many requests, so redis-py is worth its import.
    """

    def __init__(self, settings: Settings, warn: Callable[[str], None], *, long_lived: bool = True) -> None:
        self._ttl = settings.cache_ttl
        # Without a folder (settings that were not loaded), an impossible one: never the current one.
        self._kept = LocalTier(settings.cache_dir or os.devnull, settings.cache_size, _once(warn))
        self._address = _address(settings, _once(warn))
        in_use = settings.cache != "off"
        self._local = self._kept if in_use and settings.cache_dir else None
        self._redis = _redis(self._address, _once(warn), long_lived) if in_use and self._address else None

    @property
    def shared_at(self) -> str:
        """The URL of the Redis in use, without its password; empty when there is none."""
        return str(self._address or "")

    async def get(self, key: str, max_age: float | None = None) -> Hit | None:
        """The answer stored under `key` if it has not expired and is at most `max_age` seconds old."""
        now = time.time()
        if self._local and (kept := self._local.get(key)) and kept[0].fresh(now, max_age):
            entry, path = kept
            return Hit(entry.value, "local", entry.expires, path)
        if self._redis and (shared := await self._redis.get(key)):
            envelope, left = shared
            found = decode(envelope, key)
            if found and found.fresh(now, max_age):
                entry = found._replace(expires=min(found.expires, now + left))
                return Hit(entry.value, "redis", entry.expires, self._keep(entry))
        return None

    async def put(self, key: str, value: Any, ttl: float | None = None) -> Hit | None:
        """Store a JSON document for `ttl` seconds; returns what `get` would now find, or None when it was not stored.

        Raises TypeError for a value that is no JSON document.
        """
        now = time.time()
        life = min(self._ttl if ttl is None else ttl, LONGEST)
        if life <= 0:
            return None
        entry = Entry(key, now, now + life, value)
        path = self._keep(entry)
        shared = self._redis is not None and await self._redis.put(key, encode(entry), life)
        if path is None and not shared:
            return None
        return Hit(value, "local" if path else "redis", entry.expires, path)

    def alone(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold the lease of `key` among all machines that use the same Redis."""
        if self._redis is None:
            return nullcontext()
        from samplemind_cli.ai.cache import leases

        return leases.held(self._redis, key)

    async def take(self, provider: str, per_minute: int) -> float | None:
        """See `leases.take`; None without Redis."""
        if self._redis is None:
            return None
        from samplemind_cli.ai.cache import leases

        return await leases.take(self._redis, provider, per_minute)

    async def shared_answers(self) -> bool | None:
        """Whether Redis answers; None without Redis."""
        return None if self._redis is None else await self._redis.ask((b"PING",)) == [b"PONG"]

    async def close(self) -> None:
        """Close this event loop's connection to Redis; the cache can be used again."""
        if self._redis:
            await self._redis.close()

    def stats(self) -> dict[str, Any]:
        """`local` as LocalTier.stats; `redis` None, or url, `reachable`, and if so redis_admin.stats."""
        return {"local": self._kept.stats(), "redis": self._redis_stats()}

    def largest(self, count: int) -> list[tuple[str, int]]:
        """As LocalTier.largest."""
        return self._kept.largest(count)

    def clear(self, removal: Removal = EVERYTHING) -> dict[str, Any]:
        """Remove the answers that are meant from both tiers: `entries` and `bytes` here, `redis` entries there.

        Raises SamplemindError when Redis does not answer; the local tier has been cleared by then.
        """
        if removal.tier == "redis" and not self._address:
            raise UsageError("no Redis is used", "export SAMPLEMIND_REDIS_URL=redis://…")
        entries, freed = (0, 0) if removal.tier == "redis" else self._kept.clear(removal)
        shared = None
        if self._address and removal.tier != "local":
            from samplemind_cli.ai.cache import redis_admin

            try:
                shared = redis_admin.clear(self._address, removal)
            except SamplemindError as error:
                raise SamplemindError(
                    f"{entries} answers were removed here, but {error.message}", error.hint
                ) from error
        return {"entries": entries, "bytes": freed, "redis": shared}

    def show(self, key: str) -> dict[str, Any]:
        """The entry whose key or fingerprint begins with `key`: its envelope's fields, `tier` and `path`.

        Raises UsageError when none or several do.
        """
        found = sorted({name for name in self._kept.names() if _begins(name, key)} | set(self._shared_keys(key)))
        if key in found:
            found = [key]
        if not found:
            raise UsageError(f"no answer is stored under {key!r}", "samplemind ask --explain PROMPT shows a key")
        if len(found) > 1:
            listed = "\n  ".join(found[:10])
            raise UsageError(f"{len(found)} answers are stored under {key!r}:\n  {listed}", "give more of the key")
        shown = self._shown(found[0])
        if shown is None:
            raise SamplemindError(f"the entry of {found[0]} cannot be read", "ask again; it is treated as a miss")
        return shown

    def _keep(self, entry: Entry) -> str | None:
        path = self._local.put(entry) if self._local else None
        if path and self._local and self._local.sweep_is_due(path):
            import asyncio

            # In a thread: a full cache has a hundred thousand files. The loop's end waits for it.
            asyncio.get_running_loop().run_in_executor(None, self._local.sweep)
        return path

    def _redis_stats(self) -> dict[str, Any] | None:
        if self._address is None:
            return None
        from samplemind_cli.ai.cache import redis_admin

        try:
            return {"url": self.shared_at, "reachable": True, **redis_admin.stats(self._address)}
        except SamplemindError as error:
            return {"url": self.shared_at, "reachable": False, "reason": error.message}

    def _shared_keys(self, beginning: str) -> list[str]:
        if self._address is None:
            return []
        from samplemind_cli.ai.cache import redis_admin

        return redis_admin.keys(self._address, beginning)

    def _shown(self, key: str) -> dict[str, Any] | None:
        if kept := self._kept.get(key):
            entry, path = kept
            return {**entry._asdict(), "tier": "local", "path": path}
        if self._address is None:
            return None
        from samplemind_cli.ai.cache import redis_admin

        found = decode(redis_admin.read(self._address, key) or b"", key)
        return {**found._asdict(), "tier": "redis", "path": None} if found else None


def _begins(key: str, beginning: str) -> bool:
    return key.startswith(beginning) or key.rpartition(":")[2].startswith(beginning)


def _address(settings: Settings, warn: Callable[[str], None]) -> "Address | None":
    if not settings.redis_url or settings.cache == "local":
        return None
    from samplemind_cli.ai.cache.address import Address

    try:
        return Address.read(settings.redis_url)
    except ValueError as error:
        warn(f"SAMPLEMIND_REDIS_URL is not used: {error}")
        return None


def _redis(address: "Address", warn: Callable[[str], None], long_lived: bool) -> "RedisTier":
    from samplemind_cli.ai.cache.redis import RedisTier

    return RedisTier(address, warn, long_lived=long_lived)


def _once(warn: Callable[[str], None]) -> Callable[[str], None]:
    """`warn`, but only once: a failing tier fails in every call."""
    said = False

    def say(text: str) -> None:
        nonlocal said
        if not said:
            said = True
            warn(text)

    return say
