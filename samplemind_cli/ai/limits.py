"""Rate limits, cooldowns, circuit breakers and Retry-After."""

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
FAILURES = 5  # consecutive ones that open the breaker
LONGEST = 86_400.0  # seconds; a longer Retry-After than a day is a mistake
_MILLISECONDS = 1e11  # a unix time beyond this is in milliseconds
_DURATION = re.compile(
    r"(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
OPEN = 15.0  # seconds until one request may probe it


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date.

    Who sends neither may say when a limit of which nothing remains is renewed: "6m0s", unix seconds, a time.
    """
    value = _retry_after(headers)
    if value is None:
        value = max(_renewals(headers), default=None)
    return None if value is None else min(value, LONGEST)


def _renewals(headers: Mapping[str, str]) -> Iterator[float]:
    """Seconds until each limit that is used up is renewed, as in `x-ratelimit-reset-tokens`."""
    for name, left in headers.items():
        if "ratelimit" in name.lower() and "remaining" in name.lower() and left.strip() in ("0", "0.0"):
            renewed = _until(headers.get(re.sub("remaining", "reset", name, flags=re.IGNORECASE), "").strip())
            if renewed is not None:
                yield renewed


def _until(text: str) -> float | None:
    """Seconds in a duration like "1m30.5s" or "20ms", or until a time: unix seconds or milliseconds, RFC 3339."""
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text):
        number = float(text)
        number /= 1000 if number > _MILLISECONDS else 1
        return number if number <= LONGEST else max(0.0, number - time.time())
    if (found := _DURATION.fullmatch(text)) and any(found.groups()):
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


class Cooldowns:
    """The cooldown per provider. The longest one counts: a shorter one never cuts it."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def start(self, name: str, seconds: float | None) -> None:
        """Start a cooldown of `name` for `seconds`."""
        until = time.monotonic() + (DEFAULT_COOLDOWN if seconds is None else seconds)
        self._until[name] = max(until, self._until.get(name, 0.0))

    def left(self, name: str) -> float:
        """Seconds left of the cooldown of `name`; 0 without one."""
        return max(0.0, self._until.get(name, 0.0) - time.monotonic())


class Breakers:
    """A circuit breaker per provider: open after `FAILURES` in a row, half-open for one probe after `OPEN` seconds."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}
        self._probes: dict[str, float] = {}  # when they began

    def state(self, name: str) -> Literal["closed", "open", "half-open"]:
        """A breaker's state."""
        if self._failures.get(name, 0) < FAILURES:
            return "closed"
        return "open" if time.monotonic() < self._until[name] else "half-open"

    def states(self) -> dict[str, Literal["closed", "open", "half-open"]]:
        """The state of every breaker with recent failures."""
        return {name: self.state(name) for name in self._failures}

    @contextmanager
    def trial(self, name: str) -> Iterator[float]:
        """Seconds until `name` may be called; 0: now, inside. In a half-open breaker this is the only probe.

        An inconclusive probe, neither `failed` nor `answered`, allows the next one after its own duration,
        as its caller may have disconnected or timed out. One that does not end counts as failed.
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
        """A request failed through the provider's fault."""
        self._probes.pop(name, None)
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= FAILURES:
            self._until[name] = time.monotonic() + OPEN

    def answered(self, name: str) -> None:
        """The provider answered."""
        self._probes.pop(name, None)
        self._failures.pop(name, None)


class RateLimits:
    """Requests per minute, per provider and event loop: a limiter's waiters live in one loop."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncLimiter]] = WeakKeyDictionary()

    def slot(self, name: str, per_minute: int) -> AbstractAsyncContextManager[None]:
        """Wait for the next free slot of `name`; 0 per minute: no limit."""
        if not per_minute:
            return nullcontext()
        limiters = self._limiters.setdefault(asyncio.get_running_loop(), {})
        if name not in limiters:
            from aiolimiter import AsyncLimiter

            limiters[name] = AsyncLimiter(per_minute, 60)
        return limiters[name]
