"""Prices per token, computed once per model, so that summing a million calls does not look up each price."""

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from samplemind_cli.ledger.prices import Prices, Tokens

if TYPE_CHECKING:
    from datetime import datetime

MILLION = 10**6
FEW = 1000
UNKNOWN: tuple["Rate | None", ...] = ()
# Dollars per token: of the prompt, of the answer, read from the provider's cache, written to it.
Rate = tuple[float, float, float, float]
Priced = Callable[[Tokens], float | None]


class Rates:
    """As exact as `Prices`: a price that is not proportional to the tokens is looked up for each call."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._rates: dict[tuple[str, str, datetime | None], tuple[tuple[int, ...], tuple[Rate | None, ...]]] = {}

    def dollars(self, provider: str, model: str, tokens: Tokens, at: float | None = None) -> float | None:
        """What these tokens cost at that moment; None where the price is not known."""
        name = provider, model, self._prices.period(provider, model, at)
        if name not in self._rates:
            self._rates[name] = self._read(provider, model, at)
        steps, rates = self._rates[name]
        if rates == UNKNOWN:
            return None
        rate, plain = rates[bisect_left(steps, tokens.input)], tokens.input - tokens.cached - tokens.written
        if rate is None or plain < 0 or tokens.hour or tokens.audio:
            return self._prices.dollars(provider, model, tokens, at)
        return plain * rate[0] + tokens.output * rate[1] + tokens.cached * rate[2] + tokens.written * rate[3]

    def _read(self, provider: str, model: str, at: float | None) -> tuple[tuple[int, ...], tuple[Rate | None, ...]]:
        """The prompt lengths above which other rates apply; the rates up to each, and above the last one."""
        dollars = partial(self._prices.dollars, provider, model, at=at)
        if dollars(Tokens(1, 1)) is None:
            return (), UNKNOWN
        steps = self._prices.steps(provider, model, at)
        ends = (*steps, 2 * max(steps, default=0) + MILLION)
        return steps, tuple(_between(dollars, *ends_) for ends_ in zip((0, *steps), ends, strict=True))


def _between(dollars: Priced, short: int, long: int) -> Rate | None:
    """The rates for prompts longer than `short`, up to `long`; None unless two samples agree."""
    middle = _with(dollars, short + (long - short + 1) // 2, FEW)
    end = _with(dollars, long, MILLION)
    same = all(map(math.isclose, middle, end))
    return middle if same else None


def _with(dollars: Priced, prompt: int, answer: int) -> Rate:
    """What one token of each kind costs with a prompt and an answer of these lengths."""

    def priced(tokens: Tokens) -> float:
        return dollars(tokens) or 0.0

    plain = priced(Tokens(prompt))
    output = (priced(Tokens(prompt, answer)) - plain) / answer
    cached, written = priced(Tokens(prompt, cached=prompt)), priced(Tokens(prompt, written=prompt))
    return plain / prompt, output, cached / prompt, written / prompt
