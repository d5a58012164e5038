"""How often and how long a provider is asked: rate limits, cooldowns, circuit breakers, Retry-After."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

DEFAULT_COOLDOWN = 5.0
FAILURES = 5  # in a row, after which a provider is not asked
LONGEST = 86_400.0  # seconds; who asks for more than a day's rest has miscounted
_MILLISECONDS = 1e11  # a unix time beyond this is told in milliseconds
_DURATION = re.compile(
    r"(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
OPEN = 15.0  # seconds until one request may see whether it is back


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date.

    Who sends neither may say when a limit of which nothing remains is renewed: "6m0s", unix seconds, a time.
    """
    told = _told(headers)
    if told is None:
        told = max(_renewals(headers), default=None)
    return None if told is None else min(told, LONGEST)


def _renewals(headers: Mapping[str, str]) -> Iterator[float]:
    """Seconds until each limit that is used up is renewed, as in `x-ratelimit-reset-tokens`."""
    for name, left in headers.items():
        if "ratelimit" in name.lower() and "remaining" in name.lower() and left.strip() in ("0", "0.0"):
            renewed = _until(headers.get(re.sub("remaining", "reset", name, flags=re.IGNORECASE), "").strip())
            if renewed is not None:
                yield renewed


def _until(told: str) -> float | None:
    """Seconds in a duration like "1m30.5s" or "20ms", or until a time: unix seconds or milliseconds, RFC 3339."""
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", told):
        number = float(told)
        number /= 1000 if number > _MILLISECONDS else 1
        return number if number <= LONGEST else max(0.0, number - time.time())
    if (found := _DURATION.fullmatch(told)) and any(found.groups()):
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    try:
        return max(0.0, datetime.fromisoformat(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _told(headers: Mapping[str, str]) -> float | None:
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
        self._probes: dict[str, float] = {}  # when they began

    def state(self, name: str) -> Literal["closed", "open", "half-open"]:
        """Where a breaker stands."""
        if self._failures.get(name, 0) < FAILURES:
            return "closed"
        return "open" if time.monotonic() < self._until[name] else "half-open"

    def states(self) -> dict[str, Literal["closed", "open", "half-open"]]:
        """Where each stands that has failed of late."""
        return {name: self.state(name) for name in self._failures}

    @contextmanager
    def trial(self, name: str) -> Iterator[float]:
        """Seconds until `name` may be asked; 0: now, in here. Where it was half-open, this is the one probe.

        A probe that ends without a word, `failed` or `answered`, makes room for the next after as long as it took
        itself: its caller may have hung up, or have waited in vain. One that does not end counts as failed.
        """
        began = time.monotonic()
        if (state := self.state(name)) != "half-open":
            yield self._until[name] - began if state == "open" else 0.0
            return
        self._probes[name], self._until[name] = began, began + OPEN
        try:
            yield 0.0
        finally:
            if self._probes.get(name) == began:
                ended = time.monotonic()
                self._until[name] = min(self._until[name], ended + (ended - began))

    def failed(self, name: str) -> None:
        """A request came to nothing, for the provider's own reasons."""
        self._probes.pop(name, None)
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= FAILURES:
            self._until[name] = time.monotonic() + OPEN

    def answered(self, name: str) -> None:
        """The provider is there."""
        self._probes.pop(name, None)
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
