"""What was asked, from the ledger: page by page, one by its id, and what there is to choose from."""

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
FURTHEST = 10**12  # a position
BEFORE = {"queue": "held_ms", "retries": "tries_ms", "connect": "connect_ms"}  # what a first token waits for, in turn


class CallHistory:
    """Answers what the page of requests asks."""

    def __init__(self, settings: Settings) -> None:
        self._ledger = Ledger(settings)
        self._known = CallNames()
        self._prices = Prices(settings.config_dir, settings.rows)

    async def page(self, incoming: Incoming) -> Reply:
        """Some calls, oldest first, and where they stand among all that were chosen."""
        query = Query(incoming)
        choice = Choice(**{name: query.text(name) for name in FACTS}, words=query.text("words"))
        first, most = query.whole("first", 0, FURTHEST), query.whole("most", 1, LARGEST) or PAGE
        return as_json(await waited(self._page, choice, first, most))

    async def one(self, incoming: Incoming) -> Reply:
        """All that is known of one call."""
        return as_json(await waited(self._one, incoming.params[0]))

    async def names(self, _: Incoming) -> Reply:
        """What there is to choose from."""
        return as_json(await waited(self._names))

    def newest(self) -> dict[str, int]:
        """How many calls there are, and the newest one's number: what tells that something was asked."""
        with self._ledger.open() as connection:
            row = connection.execute("SELECT count(*), max(number) FROM calls").fetchone()
            return {"total": row[0], "newest": row[1] or 0}

    def _page(self, choice: Choice, first: int | None, most: int) -> dict[str, Any]:
        with self._ledger.open() as connection:
            total, first, rows = choice.page(connection, first, most)
        return {"total": total, "first": first, "rows": rows}

    def _names(self) -> dict[str, list[str]]:
        with self._ledger.open() as connection:
            return self._known.look(connection)

    def _one(self, number: str) -> dict[str, Any]:
        try:
            with self._ledger.open() as connection:
                call = log.one(connection, number)
        except UsageError as error:
            raise HttpError(404, f"there is no call {number[:64]!r}: it may have been pruned", "not_found") from error
        return {**call, "dollars": self._dollars(call), "spans": spans(call)}

    def _dollars(self, call: dict[str, Any]) -> float | None:
        """What it cost; of a cached one, what it would have cost. None where no price is known, or it failed."""
        if call.get("error"):
            return None
        counts = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
        tokens = Tokens(*(call.get(name) or 0 for name in counts))
        return self._prices.dollars(call.get("provider", ""), call.get("model", ""), tokens, stats.began(call))


def spans(call: dict[str, Any]) -> list[dict[str, Any]]:
    """What the time of a call went into, in turn, in milliseconds since it began."""
    whole, first = call.get("ms") or 0.0, call.get("first_ms")
    before, last = [("passed over", call.get("passed_ms"))], ("stream", whole)
    if call.get("tier") not in (None, "miss"):
        before.append(("queue", call.get("held_ms")))
        last = ("cache", whole)
    else:
        before += [(name, call.get(column)) for name, column in BEFORE.items()]
        if first is None:
            last = ("waiting", whole)
    found, at, end = [], 0.0, whole if first is None or last[0] == "cache" else first
    for name, took in before:
        if took and at < end:
            found.append(_span(name, at, min(took, end - at)))
            at += found[-1]["ms"]
    if last[0] == "stream" and end > at:
        found.append(_span("first token", at, end - at))
        at = end
    return [*found, _span(last[0], at, max(0.0, whole - at))]


def _span(name: str, start: float, took: float) -> dict[str, Any]:
    return {"name": name, "start": round(start, 3), "ms": round(took, 3)}
