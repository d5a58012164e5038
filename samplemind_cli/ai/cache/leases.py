"""Coordination between machines through Redis: who calls a provider, and how often."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samplemind_cli.ai.cache.redis import RedisTier

LEASE = 15.0  # seconds until the lease of a dead machine expires
RENEWAL = 5.0
POLL = 0.025  # seconds between polls of another machine's lease
_RENEW = b"if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('PEXPIRE',KEYS[1],ARGV[2]) end return 0"
_RELEASE = b"if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('DEL',KEYS[1]) end return 0"
# The generic cell rate algorithm: the key holds when the bucket will be empty again, in Redis's own milliseconds.
_TAKE = b"""
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local empty = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + 60000 / tonumber(ARGV[1])
if empty - now > 60000 then return math.ceil(empty - now - 60000) end
redis.call('SET', KEYS[1], string.format('%.0f', math.ceil(empty)), 'PX', math.ceil(empty - now) + 1)
return 0
"""


@asynccontextmanager
async def held(redis: "RedisTier", key: str) -> AsyncIterator[None]:
    """Hold the lease of `key` among all machines. Without Redis, or when it fails, nobody waits."""
    name, token = b"ai:lease:" + key.encode(), os.urandom(16)
    milliseconds = b"%d" % (LEASE * 1000)
    taken = await redis.ask((b"SET", name, token, b"NX", b"PX", milliseconds))
    while taken == [None]:
        await asyncio.sleep(POLL)
        taken = await redis.ask((b"SET", name, token, b"NX", b"PX", milliseconds))
    renewing = asyncio.create_task(_renewing(redis, name, token, milliseconds))
    try:
        yield
    finally:
        renewing.cancel()
        await redis.ask((b"EVAL", _RELEASE, b"1", name, token))


async def take(redis: "RedisTier", provider: str, per_minute: int) -> float | None:
    """Seconds until a slot of `per_minute` is free, 0 when it was taken now; None when Redis does not answer."""
    match await redis.ask((b"EVAL", _TAKE, b"1", b"ai:rate:" + provider.encode(), b"%d" % per_minute)):
        case [int(wait)]:
            return wait / 1000
    return None


async def _renewing(redis: "RedisTier", name: bytes, token: bytes, milliseconds: bytes) -> None:
    while True:
        await asyncio.sleep(RENEWAL)
        await redis.ask((b"EVAL", _RENEW, b"1", name, token, milliseconds))
