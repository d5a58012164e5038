"""How often and how long a provider is asked: rate limits, cooldowns, circuit breakers, Retry-After."""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

DEFAULT_COOLDOWN = 5.0
FAILURES = 5  # in a row, after which a provider is not asked
OPEN = 15.0  # seconds until one request may see whether it is back


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


class Breakers:
    """A circuit breaker per provider: open after `FAILURES` in a row, half-open for one probe after `OPEN` seconds."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def state(self, name: str) -> Literal["closed", "open", "half-open"]:
        """Where a breaker stands."""
        if self._failures.get(name, 0) < FAILURES:
            return "closed"
        return "open" if time.monotonic() < self._until[name] else "half-open"

    def enter(self, name: str) -> float:
        """Seconds until `name` may be asked; 0: now. Where it was half-open, the caller is the one probe."""
        match self.state(name):
            case "closed":
                return 0.0
            case "open":
                return self._until[name] - time.monotonic()
        self._until[name] = time.monotonic() + OPEN  # one that never reports back counts as failed
        return 0.0

    def failed(self, name: str) -> None:
        """A request came to nothing, for the provider's own reasons."""
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= FAILURES:
            self._until[name] = time.monotonic() + OPEN

    def answered(self, name: str) -> None:
        """The provider is there."""
        self._failures.pop(name, None)


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
