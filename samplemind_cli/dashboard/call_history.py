"""Calls from the ledger: page by page, one by its id, and the values to filter by."""

from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import UsageError
from samplemind_cli.ledger import log, stats
from samplemind_cli.ledger.filters import FACTS, CallNames, Choice
from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.server.message import HttpError, Incoming, Reply
from samplemind_cli.settings import Settings

PAGE, LARGEST = 100, 500  # rows of a page
FURTHEST = 10**12  # the largest position
BEFORE = {"queue": "held_ms", "retries": "tries_ms", "connect": "connect_ms"}  # what a first token waits for, in order


class CallHistory:
    """The data of the page of requests."""

    def __init__(self, settings: Settings) -> None:
        self._ledger = Ledger(settings)
        self._call_names = CallNames()
        self._prices = Prices(settings.config_dir, settings.rows)

    async def page(self, incoming: Incoming) -> Reply:
        """A page of the matching calls, oldest first, its position among them, and their number."""
        query = Query(incoming)
        choice = Choice(**{name: query.text(name) for name in FACTS}, words=query.text("words"))
        first, count = query.whole("first", 0, FURTHEST), query.whole("most", 1, LARGEST) or PAGE
        return as_json(await waited(self._page, choice, first, count))

    async def one(self, incoming: Incoming) -> Reply:
        """Everything recorded about one call."""
        return as_json(await waited(self._one, incoming.params[0]))

    async def names(self, _: Incoming) -> Reply:
        """The values that calls can be filtered by."""
        return as_json(await waited(self._names))

    def newest(self) -> dict[str, int]:
        """How many calls there are, and the newest one's number; both change with every call."""
        with self._ledger.open() as connection:
            row = connection.execute("SELECT count(*), max(number) FROM calls").fetchone()
            return {"total": row[0], "newest": row[1] or 0}

    def _page(self, choice: Choice, first: int | None, count: int) -> dict[str, Any]:
        with self._ledger.open() as connection:
            total, first, rows = choice.page(connection, first, count)
        return {"total": total, "first": first, "rows": rows}

    def _names(self) -> dict[str, list[str]]:
        with self._ledger.open() as connection:
            return self._call_names.look(connection)

    def _one(self, number: str) -> dict[str, Any]:
        try:
            with self._ledger.open() as connection:
                call = log.one(connection, number)
        except UsageError as error:
            raise HttpError(404, f"there is no call {number[:64]!r}: it may have been pruned", "not_found") from error
        return {**call, "dollars": self._dollars(call), "spans": spans(call)}

    def _dollars(self, call: dict[str, Any]) -> float | None:
        """What it cost, or would have cost if it was cached. None if it failed or its price is unknown."""
        if call.get("error"):
            return None
        counts = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
        tokens = Tokens(*(call.get(name) or 0 for name in counts))
        return self._prices.dollars(call.get("provider", ""), call.get("model", ""), tokens, stats.began(call))


def spans(call: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a call's time, in order: name, start since the call began and length, both in milliseconds."""
    total, first = call.get("ms") or 0.0, call.get("first_ms")
    before = [("passed over", call.get("passed_ms"))]
    if call.get("tier") not in (None, "miss"):
        last, end = "cache", total
        before.append(("queue", call.get("held_ms")))
    else:
        last, end = ("waiting", total) if first is None else ("stream", first)
        before += [(name, call.get(column)) for name, column in BEFORE.items()]
    parts, at = [], 0.0
    for name, ms in before:
        if ms and at < end:
            parts.append(_span(name, at, min(ms, end - at)))
            at += parts[-1]["ms"]
    if last == "stream" and end > at:
        parts.append(_span("first token", at, end - at))
        at = end
    return [*parts, _span(last, at, max(0.0, total - at))]


def _span(name: str, start: float, ms: float) -> dict[str, Any]:
    return {"name": name, "start": round(start, 3), "ms": round(ms, 3)}
