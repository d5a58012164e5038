"""How often and how long a provider is asked: rate limits, cooldowns, Retry-After."""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

DEFAULT_COOLDOWN = 5.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date."""
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", told):
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


class Cooldowns:
    """Who said "not now", and until when. The longest word counts: a shorter one never cuts it."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def start(self, name: str, seconds: float | None) -> None:
        """Leave `name` alone for `seconds`."""
        until = time.monotonic() + (DEFAULT_COOLDOWN if seconds is None else seconds)
        self._until[name] = max(until, self._until.get(name, 0.0))

    def left(self, name: str) -> float:
        """Seconds until `name` may be asked again; 0 when it may."""
        return max(0.0, self._until.get(name, 0.0) - time.monotonic())


class RateLimits:
    """Requests per minute, per provider and event loop: a limiter's waiters live in one loop."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncLimiter]] = WeakKeyDictionary()

    def slot(self, name: str, per_minute: int) -> AbstractAsyncContextManager[None]:
        """Wait for the next free slot of `name`; 0 per minute means no limit."""
        if not per_minute:
            return nullcontext()
        limiters = self._limiters.setdefault(asyncio.get_running_loop(), {})
        if name not in limiters:
            from aiolimiter import AsyncLimiter

            limiters[name] = AsyncLimiter(per_minute, 60)
        return limiters[name]
