"""Filters calls by columns and words, and reads them page by page: position 0 is the oldest."""

import sqlite3
from dataclasses import dataclass
from heapq import nlargest
from threading import Lock
from typing import Any

from samplemind_cli.ledger.log import MATCHING, SHORT, fts_query
from samplemind_cli.ledger.store import MODEL

# What a call may be filtered by, as SQL.
FACTS = {
    "model": MODEL,
    "tier": "coalesce(tier, '')",
    "status": "CASE WHEN error IS NULL THEN 'ok' ELSE 'error' END",
    "client": "coalesce(client, command, '')",
    "session": "coalesce(session, '')",
}
_LISTED = ("number", "id", "at", "tier", "times", "input_tokens", "output_tokens", "ms", "first_ms", "error")
MOST = 200  # values of one fact to choose from
_NAMED = [fact for fact in FACTS if fact != "status"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which calls; an empty string is no condition. `words`: each is the beginning of a word of prompt or answer."""

    model: str = ""
    tier: str = ""
    status: str = ""
    client: str = ""
    session: str = ""
    words: str = ""

    def _conditions(self) -> tuple[str, list[str]]:
        facts = {name: value for name in FACTS if (value := getattr(self, name))}
        conditions, values = [f"{FACTS[name]} = ?" for name in facts], list(facts.values())
        if query := fts_query(self.words, prefix=True):
            conditions.append(MATCHING)
            values.append(query)
        return f"WHERE {' AND '.join(conditions)}" if conditions else "", values

    def page(
        self, connection: sqlite3.Connection, first: int | None, most: int
    ) -> tuple[int, int, list[dict[str, Any]]]:
        """The number of matching calls, the position of the page's first one, and the page, oldest first.

        The page has `most` calls from position `first` on; None: the last ones.
        """
        where, values = self._conditions()
        if not where:  # counting and skipping need only the table's own tree
            total = int(connection.execute("SELECT count(*) FROM calls").fetchone()[0])
            first = _within(first, most, total)
            query = "SELECT number FROM calls ORDER BY number LIMIT ? OFFSET ?"
            return total, first, _rows(connection, [row[0] for row in connection.execute(query, (most, first))])
        query = f"SELECT number FROM calls {where} ORDER BY number"  # noqa: S608 - conditions of ours
        numbers = [row[0] for row in connection.execute(query, values)]
        first = _within(first, most, len(numbers))
        return len(numbers), first, _rows(connection, numbers[first : first + most])


def _within(first: int | None, most: int, total: int) -> int:
    return max(0, total - most) if first is None else min(first, total)


def _rows(connection: sqlite3.Connection, numbers: list[int]) -> list[dict[str, Any]]:
    """The calls of these numbers, each with the beginning of its prompt."""
    columns = ", ".join(f"calls.{name}" for name in _LISTED)
    query = f"""SELECT {columns}, {FACTS["model"]} AS model, {FACTS["client"]} AS client,
        substr(words.prompt, 1, {SHORT}) AS prompt FROM calls LEFT JOIN words USING (number)
        WHERE number IN ({", ".join("?" * len(numbers))}) ORDER BY number"""  # noqa: S608 - names of ours
    return [dict(row) for row in connection.execute(query, numbers)]


class CallNames:
    """The values that each fact has, sorted; of many, the `MOST` latest.

    Only calls since the last look are read, as reading a hundred thousand is slow. Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends = (0, 0)  # the numbers of the oldest and the newest call seen
        self._last: dict[str, dict[str, int]] = {}  # by fact: each value, and the newest call that has it

    def look(self, connection: sqlite3.Connection) -> dict[str, list[str]]:
        """The values now, by fact."""
        with self._lock:
            query = "SELECT (SELECT min(number) FROM calls), (SELECT max(number) FROM calls)"
            oldest, newest = (end or 0 for end in connection.execute(query).fetchone())
            if oldest != self._ends[0] or newest < self._ends[1]:  # some were pruned
                self._ends, self._last = (0, 0), {}
            self._read(connection, newest)
            self._ends = (oldest, newest)
            return {fact: sorted(self._last.get(fact, ())) for fact in _NAMED} | {"status": ["ok", "error"]}

    def _read(self, connection: sqlite3.Connection, newest: int) -> None:
        columns = ", ".join(f"{FACTS[fact]} AS {fact}" for fact in _NAMED)
        query = f"""SELECT {columns}, max(number) AS last FROM calls WHERE number > ? AND number <= ?
            GROUP BY 1, 2, 3, 4"""  # noqa: S608 - the same
        for row in connection.execute(query, (self._ends[1], newest)):
            for fact in _NAMED:
                latest = self._last.setdefault(fact, {})
                if name := row[fact]:
                    latest[name] = max(latest.get(name, 0), row["last"])
        self._last = {
            fact: {name: latest[name] for name in nlargest(MOST, latest, key=latest.__getitem__)}
            for fact, latest in self._last.items()
        }
