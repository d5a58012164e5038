"""Sums over the ledger: calls, hits, tokens, dollars spent and saved, seconds saved, latencies, errors."""

import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.rates import Rates

BY = ("model", "provider", "task", "client", "command", "session", "day", "hour")
_GROUPS = {
    "model": "coalesce(provider, '?') || '/' || coalesce(model, '?')",
    "provider": "coalesce(provider, '?')",
    "day": "date(at, 'unixepoch', 'localtime')",
    "hour": "strftime('%Y-%m-%d %H:00', at, 'unixepoch', 'localtime')",
}
_COLUMNS = (
    "provider, model, tier, times, input_tokens, output_tokens, cached_tokens, cache_write_tokens, ms, first_ms, error"
)


@dataclass(slots=True)
class Sums:
    """The sums of some calls. `spent` and `saved` in US dollars; `unpriced`: calls whose price is not known."""

    name: str
    calls: int = 0
    hits: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    spent: float = 0.0
    saved: float = 0.0
    seconds_saved: float = 0.0
    unpriced: int = 0
    _latencies: list[float] = field(default_factory=list)
    _fresh: list[float] = field(default_factory=list)

    @property
    def hit_rate(self) -> float | None:
        """The share of answers that came from the cache; None where there were none."""
        answered = self.calls - self.errors
        return self.hits / answered if answered else None

    def percentile(self, share: float) -> float | None:
        """Milliseconds within which this share of the calls was answered."""
        ordered = sorted(self._latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    def as_json(self) -> dict[str, Any]:
        """As `--json` and `--csv` have it."""
        plain = ("name", "calls", "hits", "errors", "input_tokens", "output_tokens", "cached_tokens", "unpriced")
        return {
            **{name: getattr(self, name) for name in plain},
            "hit_rate": self.hit_rate,
            "dollars_spent": round(self.spent, 6),
            "dollars_saved": round(self.saved, 6),
            "seconds_saved": round(self.seconds_saved, 3),
            "p50_ms": self.percentile(0.5),
            "p95_ms": self.percentile(0.95),
        }


def sums(connection: sqlite3.Connection, prices: Prices, since: float, by: Sequence[str] = ()) -> list[Sums]:
    """The sums of the calls since `since` (unix seconds), all in one or apart by one of `BY`; most calls first."""
    groups = [_GROUPS.get(name, f"coalesce({name}, '')") for name in by]
    name = " || ' ' || ".join(groups) or "'all'"
    query = f"SELECT {name} AS name, {_COLUMNS}, key FROM calls WHERE at >= ? ORDER BY at"  # noqa: S608 - names of ours
    rows = connection.execute(query, (since,)).fetchall()
    usual = _usual(connection, {row["key"] for row in rows if row["tier"] not in (None, "miss")})
    found: dict[str, Sums] = {}
    rates = Rates(prices)
    for row in rows:
        _add(found.setdefault(row["name"], Sums(row["name"])), row, rates, usual)
    dated = bool(by) and by[0] in ("day", "hour")
    return sorted(found.values(), key=lambda s: s.name) if dated else sorted(found.values(), key=lambda s: -s.calls)


def _usual(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, float]:
    """Milliseconds that the answer under each key took when it was fetched."""
    query = "SELECT ms FROM calls WHERE key = ? AND tier = 'miss' ORDER BY at DESC LIMIT 1"
    found = ((key, connection.execute(query, (key,)).fetchone()) for key in keys if key)
    return {key: row["ms"] for key, row in found if row and row["ms"]}


def _add(total: Sums, row: sqlite3.Row, rates: Rates, usual: dict[str, float]) -> None:
    times = row["times"]
    total.calls += times
    if row["error"]:
        total.errors += times
        return
    tokens = Tokens(*((row[name] or 0) for name in _TOKENS))
    dollars = rates.dollars(row["provider"] or "", row["model"] or "", tokens)
    if row["tier"] in (None, "miss"):
        total.input_tokens += tokens.input
        total.output_tokens += tokens.output
        total.cached_tokens += tokens.cached
        total.spent += dollars or 0.0
    else:
        total.hits += times
        total.saved += (dollars or 0.0) * times
        before = usual.get(row["key"] or "", row["ms"] or 0.0)
        total.seconds_saved += max(0.0, before - (row["ms"] or 0.0)) * times / 1000
    total.unpriced += times if dollars is None else 0
    if row["ms"] is not None:
        total._latencies.append(row["ms"])  # noqa: SLF001 - its own module


_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
