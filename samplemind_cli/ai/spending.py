"""Enforces budgets: a call's maximal cost is reserved before it, and settled to its real cost after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from samplemind_cli.ai.hearing import Hear
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.types import Call, Chunk, Options, Request, Route, Usage
from samplemind_cli.errors import BudgetError, RejectedError, SettingError
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ledger.accounts import Account, Accounts, Held, OverError
    from samplemind_cli.ledger.prices import Prices, Tokens

POLL = 0.2  # seconds between polls of other processes' reservations
BRIEF = 0.05  # seconds that the event loop may wait for another process
MARGIN = 60.0  # seconds past a call's deadline until its reservation counts as spent
_WHERE = "prices.toml"


class _Meter:
    """The usage of one call so far. `at`: when it began, in unix seconds, for a price may change while it lasts."""

    def __init__(self) -> None:
        self.at = time.time()
        self.usage = Usage()
        self.begun = self.ended = False

    def hear(self, chunk: Chunk) -> None:
        self.begun = self.begun or chunk.fault is None
        if chunk.usage:
            self.usage = self.usage.updated(chunk.usage)
        self.ended = self.ended or chunk.finish is not None


class Purse:
    """Spends one core's budgets. Without budgets it does nothing, and loads nothing."""

    def __init__(self, settings: Settings, notify: Callable[[str], None]) -> None:
        self._settings = settings
        self._notify = notify
        self._waiting: set[asyncio.Event] = set()  # of calls that wait for other calls' reservations

    @cached_property
    def _prices(self) -> "Prices":
        from samplemind_cli.ledger.prices import Prices

        return Prices(self._settings.config_dir, self._settings.rows)

    @cached_property
    def _accounts(self) -> "Accounts":
        from samplemind_cli.ledger.accounts import Accounts

        return Accounts(self._settings, self._prices, BRIEF)

    def binds(self, route: Route, options: Options) -> bool:
        """Whether a budget may bind a call: it costs something, and there is one."""
        limited = bool(self._settings.budgets) or options.max_cost is not None
        return limited and not self._settings.row(route.provider).local

    @asynccontextmanager
    async def call(
        self, route: Route, request: Request | None, call: Call, options: Options, deadline: float | None
    ) -> AsyncIterator[Hear | None]:
        """Around a call: an observer of its chunks, None without a budget. Raises BudgetError before the call."""
        if not self.binds(route, options):
            yield None
            return
        from samplemind_cli.ai import longest
        from samplemind_cli.ledger import accounts

        origin = options.origin
        who = {"client": origin.client, "session": origin.session, "batch": origin.batch}
        bound = accounts.of(self._settings.budgets, who)
        most = longest.tokens(call, request, route, self._prices)
        meter = _Meter()
        nano = self._most(route, request, most, meter.at)
        self._check_alone(nano, options, route, most)
        held = await self._hold(bound, nano, deadline, route, most) if bound else None
        began, failure = time.monotonic(), None
        try:
            yield meter.hear
        except BaseException as error:
            failure = error
            raise
        finally:
            cost = self._cost(route, most, meter, time.monotonic() - began, failure)
            if options.allowance:
                options.allowance.left -= cost / accounts.NANO
            if held:
                self._settle(held, cost)

    def _settle(self, held: "Held", nano: int) -> None:
        """Count what a call cost. Where that cannot be written, the answer is sent all the same."""
        from samplemind_cli.ledger.accounts import BusyError

        try:
            self._accounts.settle(held, nano)
        except BusyError:
            asyncio.get_running_loop().run_in_executor(None, self._settle_late, held, nano)
        except SettingError as error:
            self._unsettled(error)
        for event in self._waiting:
            event.set()

    def _settle_late(self, held: "Held", nano: int) -> None:
        from samplemind_cli.ledger.accounts import Accounts

        try:
            self._patiently(Accounts.settle, held, nano)
        except SettingError as error:
            self._unsettled(error)

    def _unsettled(self, error: SettingError) -> None:
        """What a call holds counts as spent once its time is over."""
        self._notify(f"a call stays spent at the most it may have cost: {error.message}")

    def close(self) -> None:
        """Close the files."""
        if "_accounts" in self.__dict__:
            self._accounts.close()

    def _most(self, route: Route, request: Request | None, most: "Tokens", at: float) -> int:
        from samplemind_cli.ai import longest
        from samplemind_cli.ledger.accounts import NANO
        from samplemind_cli.ledger.prices import INSTALL

        name = route.name
        if what := longest.unpriced(request, route):
            raise BudgetError(
                f"{name}: the cost of {what} cannot be known in advance, so no budget can be enforced", "leave it out"
            )
        found = self._prices.most(route.provider, route.endpoint.model, most, at)
        if found is None:
            table = f'["{name}"] with input = 1.0 and output = 2.0, dollars per million tokens'
            known = f"write its price into {self._settings.config_dir}/{_WHERE}: {table}"
            hint = known if self._prices.known else f"{INSTALL}, or {known}"
            raise BudgetError(f"the price of {name} is not known, so no budget can be enforced", hint)
        return -int(-found * NANO // 1)

    def _check_alone(self, nano: int, options: Options, route: Route, tokens: "Tokens") -> None:
        """Raise BudgetError where a call may cost more than is left for its question alone."""
        from samplemind_cli.ledger.accounts import NANO, dollars

        left = options.allowance.left if options.allowance else options.max_cost
        if left is not None and nano > round(left * NANO):
            words = "is the most" if left == options.max_cost else "is left of the most, after a call that failed"
            why = f"{route.name} may cost up to {dollars(nano)}, and {dollars(max(0, round(left * NANO)))} {words}"
            raise BudgetError(why, self._hint(route, tokens, round(left * NANO)))

    async def _hold(
        self, bound: "list[Account]", nano: int, deadline: float | None, route: Route, most: "Tokens"
    ) -> "Held":
        """Reserve the amount in every account; wait while calls in flight hold what is missing."""
        from samplemind_cli.ledger import store
        from samplemind_cli.ledger.accounts import Accounts, BusyError, OverError

        now = asyncio.get_running_loop().time
        patient_until = now() + store.BUSY
        until = time.time() + (deadline - now() if deadline else self._settings.deadline) + MARGIN
        while True:
            try:
                if new := self._accounts.unknown(bound):
                    await asyncio.to_thread(self._patiently, Accounts.begin, new)
                if held := self._accounts.hold(bound, nano, until):
                    return held
            except BusyError:
                if now() > patient_until:
                    raise
            except OverError as over:
                raise self._over(over, nano, route, most) from None
            if deadline is not None and now() + POLL > deadline:
                why = f"{route.name}: calls in flight have reserved the rest of the budget"
                raise BudgetError(why, "try again when they are done")
            await self._a_while()

    def _patiently(self, method: "Callable[..., None]", *arguments: Any) -> None:
        """A method of the accounts in a thread, which may wait longer than an event loop. Raises SettingError."""
        from samplemind_cli.ledger.accounts import Accounts

        accounts = Accounts(self._settings, self._prices)
        try:
            method(accounts, *arguments)
        finally:
            accounts.close()

    async def _a_while(self) -> None:
        """Wait until a call of ours is settled; other processes' calls are polled."""
        settled = asyncio.Event()
        self._waiting.add(settled)
        try:
            async with asyncio.timeout(POLL):
                await settled.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.remove(settled)

    def _over(self, over: "OverError", nano: int, route: Route, most: "Tokens") -> BudgetError:
        from samplemind_cli.ledger.accounts import dollars

        left = dollars(max(0, over.left))
        why = f"{route.name} may cost up to {dollars(nano)}, and {left} is left of {over.account}"
        return BudgetError(why, self._hint(route, most, over.left))

    def _hint(self, route: Route, most: "Tokens", left: int) -> str:
        """The answer length that would fit, or the command that shows the budgets."""
        from samplemind_cli.ledger.accounts import NANO

        name = route.provider, route.endpoint.model
        bare = self._prices.most(*name, replace(most, output=0))
        whole = self._prices.most(*name, most)
        if bare is None or whole is None or not most.output or whole == bare:
            return "samplemind ledger budgets"
        fits = int((left / NANO - bare) / (whole - bare) * most.output)
        worth_it = fits >= 16  # noqa: PLR2004 - tokens; OpenAI takes no fewer
        return f"--max-tokens {fits} would fit" if worth_it else "samplemind ledger budgets"

    def _cost(self, route: Route, most: "Tokens", spent: _Meter, seconds: float, error: BaseException | None) -> int:
        """A call's cost in billionths of a dollar: as counted, or the maximum where it was not counted."""
        from samplemind_cli.ai import longest
        from samplemind_cli.ledger.accounts import NANO

        if _refused(error) and not spent.begun:
            return 0
        used, name = spent.usage, (route.provider, route.endpoint.model)
        spoken = min(most.output, int(seconds * longest.SPEED) + longest.SPEED)
        ended = spent.ended and used.output_tokens is not None
        output = used.output_tokens or 0 if ended else max(spoken, used.output_tokens or 0)
        output = output if most.output else 0  # vectors
        if used.input_tokens is None:
            return round((self._prices.most(*name, replace(most, output=output), spent.at) or 0) * NANO)
        written = min(used.cache_write_tokens or 0, used.input_tokens)
        counted = replace(
            most,
            input=used.input_tokens,
            output=output,
            cached=used.cached_tokens or 0,
            written=written,
            hour=written if most.hour else 0,
            audio=min(most.audio, used.input_tokens),
        )
        return round((self._prices.dollars(*name, counted, spent.at) or 0) * NANO)


def _refused(error: BaseException | None) -> bool:
    """Whether a provider refused a call, which costs nothing."""
    if isinstance(error, RejectedError | SettingError):
        return True
    return isinstance(error, UnavailableError) and not error.may_cost
