"""Prices per token, found out once for each model: summing up 100,000 calls must not look each one's price up."""

import math

from samplemind_cli.ledger.prices import Prices, Tokens

MILLION = 10**6  # tokens: more than the threshold from which some models cost more
FEW = 1000
UNKNOWN: tuple[float, ...] = ()
# One token of each kind: input, output, and those of the input that are cached and written.
UNIT = ((1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1))


class Rates:
    """As Prices, and as exact: a model whose price is not the same for every token is asked for call by call."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._rates: dict[tuple[str, str], tuple[float, ...] | None] = {}

    def dollars(self, provider: str, model: str, tokens: Tokens) -> float | None:
        """What these tokens cost; None where the price is not known."""
        name = provider, model
        if name not in self._rates:
            self._rates[name] = self._found(provider, model)
        rates, plain = self._rates[name], tokens.input - tokens.cached - tokens.written
        if rates == UNKNOWN:
            return None
        if rates is None or plain < 0 or tokens != Tokens(tokens.input, tokens.output, tokens.cached, tokens.written):
            return self._prices.dollars(provider, model, tokens)
        counts = (plain, tokens.output, tokens.cached, tokens.written)
        return sum(count * rate for count, rate in zip(counts, rates, strict=True))

    def _found(self, provider: str, model: str) -> tuple[float, ...] | None:
        """Dollars for a plain, an answer's, a cached and a written token; None unless many cost as much as few each."""
        if self._prices.dollars(provider, model, Tokens(1, 1)) is None:
            return UNKNOWN
        places = ((FEW, 0), (MILLION, 0), (FEW, MILLION))
        few, *others = (self._each(provider, model, count, before) for count, before in places)
        same = [math.isclose(a, b) for other in others for a, b in zip(few, other, strict=False)]
        return few if len(same) == 2 * len(few) == 2 * len(UNIT) and all(same) else None

    def _each(self, provider: str, model: str, count: int, before: int) -> tuple[float, ...]:
        """What one token of each kind costs, of `count` behind a prompt of `before`; fewer than UNIT if not known."""
        prompt = self._prices.dollars(provider, model, Tokens(before)) or 0.0
        kinds = (Tokens(before + a * count, b * count, c * count, d * count) for a, b, c, d in UNIT)
        found = (self._prices.dollars(provider, model, kind) for kind in kinds)
        return tuple((dollars - prompt) / count for dollars in found if dollars is not None)
