"""Totals from the ledger, for the pages of cache and costs."""

from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.dashboard.work import waited
from samplemind_cli.ledger import accounts, stats
from samplemind_cli.ledger.prices import INSTALL, Prices
from samplemind_cli.ledger.since import moment
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings

MOST = 500  # groups


class LedgerSums:
    """The totals of `samplemind stats`, and the budgets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings)
        self._prices = Prices(settings.config_dir, settings.rows)

    async def answer(self, incoming: Incoming) -> Reply:
        """`since` in the query as for `stats --since`, `by` one of its groups."""
        query = Query(incoming)
        since, by = moment(query.text("since") or "week"), query.one_of("by", stats.BY, "day")
        return as_json(await waited(self._sums, since, by))

    def _sums(self, since: float, by: str) -> dict[str, Any]:
        with self._ledger.open() as connection:
            groups = stats.sums(connection, self._prices, since, (by,))
        total = stats.total(groups)
        note = f"the price of {total.unpriced:,} calls is not known" if total.unpriced else ""
        if note and not self._prices.known:
            note += f"; public prices come with: {INSTALL}"
        sums = {"total": total.as_json(), "groups": [group.as_json() for group in groups[-MOST:]]}
        return {"since": since, "by": by, **sums, "note": note}

    async def budgets(self, _: Incoming) -> Reply:
        """Each budget, with what is spent, reserved and left of it."""
        return as_json(await waited(accounts.standing, self._settings, self._prices))
