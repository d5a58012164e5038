"""Timeouts of a call, the errors for a missing answer, and the retry loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from samplemind_cli.ai.router import is_loopback
from samplemind_cli.ai.types import Fault, Refusal
from samplemind_cli.errors import ProviderError

T = TypeVar("T")
CONNECTIONS = 100  # maximum per event loop, through httpx


@dataclass(slots=True)
class Spent:
    """What the time before a call's answer went into, in seconds."""

    tries: float = 0.0  # those that failed, and the pauses behind them
    connect: float = 0.0  # of the try that was answered: its new connection, encryption included
    _first: float | None = None
    _since: float = 0.0

    def try_begins(self) -> None:
        """The call is sent, perhaps again."""
        now = time.perf_counter()
        self._first = now if self._first is None else self._first
        self.tries, self.connect = now - self._first, 0.0

    def connection_begins(self) -> None:
        """None that is open can be used."""
        self._since = time.perf_counter()

    def connection_made(self) -> None:
        """The request goes out."""
        self.connect = time.perf_counter() - self._since


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one call may take, in seconds, and how often it is tried. `deadline` is in the event loop's time."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 10.0
    pool: float = 5.0
    attempts: int = 3
    deadline: float | None = None
    retried: Callable[[], None] = field(default=lambda: None, compare=False)  # called before every retry
    counted: bool = False  # a budget holds the cost of one answer: what may have cost something is not tried again
    spent: Spent = field(default_factory=Spent, compare=False)  # what it went into, where one call is made


class UnavailableError(ProviderError):
    """There was no answer, or an error before its first token.

    `fault` is None when no server was reached, `refused` when nothing listened; `again`: a retry may help;
    `may_cost`: the provider may have begun to answer, and to bill it; `wait` is the server's Retry-After in seconds;
    `refusal` is what it said.
    """

    def __init__(  # noqa: PLR0913 - facts of one failure
        self,
        message: str,
        hint: str | None = None,
        *,
        fault: Fault | None = None,
        refused: bool = False,
        again: bool = False,
        may_cost: bool = False,
        wait: float | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.fault = fault
        self.refused = refused
        self.again = again
        self.may_cost = may_cost
        self.wait = wait
        self.refusal = refusal


class LinkError(Exception):
    """The connection failed, broke, or timed out."""

    def __init__(self, why: str, *, connecting: bool = False, timed_out: bool = False, proxy: bool = False) -> None:
        super().__init__(why)
        self.connecting = connecting
        self.timed_out = timed_out
        self.proxy = proxy  # it was a proxy that could not be reached, or refused


def silence(where: str, error: LinkError, patience: Patience, proxy: str = "") -> UnavailableError:
    """The error for a server at `where` (host and port), reached through `proxy`, that did not answer."""
    waited = patience.connect if error.connecting else patience.read
    why = f"no answer within {waited:g} s" if error.timed_out else str(error) or "the connection broke"
    if proxy and (error.connecting or error.proxy):
        message = f"{where}: {why} (through the proxy {proxy})"
        return UnavailableError(message, "check HTTPS_PROXY and NO_PROXY", again=error.connecting)
    fault = None if error.connecting else Fault("server", why)
    refused = error.connecting and not error.timed_out
    here = is_loopback(f"//{where}")  # a server that is not running on this machine will not be in a second
    again = error.connecting and not (refused and here)
    return UnavailableError(f"{where}: {why}", fault=fault, refused=refused, again=again, may_cost=not error.connecting)


async def tried(attempt: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """Up to `attempts` tries: exponential backoff of 1 to 10 s with jitter, never sooner than Retry-After says.

    No wait outlasts the deadline; the last error of `attempt` is raised.
    """
    try:
        return await attempt()
    except UnavailableError as error:
        if patience.attempts == 1 or not _is_worth_another(error, patience):
            raise
        failure = error
    return await _again(attempt, failure, patience)


async def _again(attempt: Callable[[], Awaitable[T]], failure: UnavailableError, patience: Patience) -> T:
    """`tried` from its first failure on: a first success does not load tenacity."""
    import tenacity

    failures = [failure]

    backoff = tenacity.wait_exponential_jitter(initial=1, max=10)

    def pause(state: tenacity.RetryCallState) -> float:
        return max(backoff(state), _failure(state).wait or 0.0)

    def stop(state: tenacity.RetryCallState) -> bool:
        now = asyncio.get_running_loop().time()
        too_late = patience.deadline is not None and now + state.upcoming_sleep > patience.deadline
        return too_late or state.attempt_number >= patience.attempts

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, UnavailableError) and _is_worth_another(error, patience)

    async def next_attempt() -> T:
        if failures:
            raise failures.pop()
        return await attempt()

    retrying = tenacity.AsyncRetrying(
        stop=stop,
        wait=pause,
        retry=tenacity.retry_if_exception(worth_it),
        before_sleep=lambda _: patience.retried(),
        reraise=True,
    )
    return await retrying(next_attempt)


def _is_worth_another(error: UnavailableError, patience: Patience) -> bool:
    return error.again and not (patience.counted and error.may_cost)


def _failure(state: Any) -> UnavailableError:
    failure = state.outcome.exception()
    assert isinstance(failure, UnavailableError)  # noqa: S101 - `worth_it` lets nothing else come here
    return failure
