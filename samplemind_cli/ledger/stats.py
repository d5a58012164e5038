"""Sums over the ledger: calls, hits, tokens, dollars spent and saved, seconds saved, latencies, errors."""

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.rates import Rates
from samplemind_cli.ledger.store import MODEL

BY = ("model", "provider", "task", "client", "command", "session", "day", "hour")
_GROUPS = {
    "model": MODEL,
    "provider": "coalesce(provider, '?')",
    "day": "date(at, 'unixepoch', 'localtime')",
    "hour": "strftime('%Y-%m-%d %H:00', at, 'unixepoch', 'localtime')",
}
_COLUMNS = (
    "at, provider, model, tier, times, input_tokens, output_tokens, cached_tokens, cache_write_tokens,"
    " ms, first_ms, error"
)


@dataclass(slots=True)
class Sums:
    """The sums of some calls. `spent` and `saved` in US dollars; `unpriced`: calls of unknown price."""

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

    @property
    def hit_rate(self) -> float | None:
        """The share of answers that came from the cache, 0 to 1; None without answers."""
        answered = self.calls - self.errors
        return self.hits / answered if answered else None

    def percentile(self, share: float) -> float | None:
        """Milliseconds within which this share (0 to 1) of the calls was answered; None without calls."""
        ordered = sorted(self._latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    def add(self, other: "Sums") -> None:
        """Add other sums to these."""
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._latencies += other._latencies  # noqa: SLF001 - its own class

    def as_json(self) -> dict[str, Any]:
        """The sums in `--json` and `--csv`."""
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
    """The sums of the calls since `since` (unix seconds), in one or grouped by names of `BY`; most calls first."""
    groups = [_GROUPS.get(name, f"coalesce({name}, '')") for name in by]
    name = " || ' ' || ".join(groups) or "'all'"
    query = f"SELECT {name} AS name, {_COLUMNS}, key FROM calls WHERE at >= ?"  # noqa: S608 - names of ours
    by_name: dict[str, Sums] = {}
    rates, usual = Rates(prices), _Usual(connection)
    for row in connection.execute(query, (since,)):
        _add(by_name.setdefault(row["name"], Sums(row["name"])), row, rates, usual)
    dated = bool(by) and by[0] in ("day", "hour")
    return sorted(by_name.values(), key=lambda s: s.name if dated else -s.calls)


def total(groups: Iterable[Sums]) -> Sums:
    """All of them in one."""
    whole = Sums("all")
    for group in groups:
        whole.add(group)
    return whole


def days(connection: sqlite3.Connection, since: float) -> list[tuple[str, int]]:
    """Each day from the first one with calls to the last, and its number of calls."""
    query = f"SELECT {_GROUPS['day']} AS day, sum(times) FROM calls WHERE at >= ? GROUP BY 1 ORDER BY 1"  # noqa: S608 - ours
    counts = dict(tuple(row) for row in connection.execute(query, (since,)))
    if not counts:
        return []
    first, last = date.fromisoformat(min(counts)), date.fromisoformat(max(counts))
    every = (str(first + timedelta(days=n)) for n in range((last - first).days + 1))
    return [(day, counts.get(day, 0)) for day in every]


def began(call: Mapping[str, Any] | sqlite3.Row) -> float:
    """When a call began, in unix seconds: its price is that of this moment, and the ledger has that of its end."""
    return float(call["at"] - (call["ms"] or 0.0) / 1000)


class _Usual(dict[str, float]):
    """By cache key, the milliseconds that fetching the answer took; 0.0 where that is unknown."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, key: str) -> float:
        query = "SELECT ms FROM calls WHERE key = ? AND tier = 'miss' ORDER BY at DESC LIMIT 1"
        row = self._connection.execute(query, (key,)).fetchone()
        self[key] = ms = (row["ms"] or 0.0) if row else 0.0
        return ms


def _add(total: Sums, row: sqlite3.Row, rates: Rates, usual: dict[str, float]) -> None:
    times = row["times"]
    total.calls += times
    if row["error"]:
        total.errors += times
        return
    tokens = Tokens(*((row[name] or 0) for name in _TOKENS))
    dollars = rates.dollars(row["provider"] or "", row["model"] or "", tokens, began(row))
    if row["tier"] in (None, "miss"):
        total.input_tokens += tokens.input
        total.output_tokens += tokens.output
        total.cached_tokens += tokens.cached
        total.spent += dollars or 0.0
    else:
        total.hits += times
        total.saved += (dollars or 0.0) * times
        total.seconds_saved += max(0.0, usual[row["key"] or ""] - (row["ms"] or 0.0)) * times / 1000
    total.unpriced += times if dollars is None else 0
    if row["ms"] is not None:
        total._latencies.append(row["ms"])  # noqa: SLF001 - its own module


_ADDED = [name for name in Sums.__slots__ if name not in ("name", "_latencies")]
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
