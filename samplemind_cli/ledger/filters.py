"""Calls chosen by their facts and words, and read page by page: position 0 is the oldest."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from samplemind_cli.ledger.log import MATCHING, wanted

SHORT = 160  # characters of a prompt in a list
# What a call may be chosen by, and how the ledger says it.
FACTS = {
    "model": "coalesce(provider, '?') || '/' || coalesce(model, '?')",
    "tier": "coalesce(tier, '')",
    "status": "CASE WHEN error IS NULL THEN 'ok' ELSE 'error' END",
    "client": "coalesce(client, command, '')",
    "session": "coalesce(session, '')",
}
_LISTED = ("number", "id", "at", "tier", "times", "input_tokens", "output_tokens", "ms", "first_ms", "error")
MOST = 200  # names of one kind to choose from


@dataclass(frozen=True, slots=True)
class Choice:
    """Which calls. An empty string chooses all; `words`: each begins a word of the prompt or the answer."""

    model: str = ""
    tier: str = ""
    status: str = ""
    client: str = ""
    session: str = ""
    words: str = ""

    def _conditions(self) -> tuple[str, list[str]]:
        facts = {name: value for name in FACTS if (value := getattr(self, name))}
        conditions, values = [f"{FACTS[name]} = ?" for name in facts], list(facts.values())
        if words := wanted(self.words, begun=True):
            conditions.append(MATCHING)
            values.append(words)
        return f"WHERE {' AND '.join(conditions)}" if conditions else "", values

    def page(
        self, connection: sqlite3.Connection, first: int | None, most: int
    ) -> tuple[int, int, list[dict[str, Any]]]:
        """How many there are, and `most` of them from position `first` on (None: the last ones), oldest first.

        In between, the position of the first one that is there.
        """
        where, values = self._conditions()
        if not where:  # both are read off the table's own tree
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


def names(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """What there is to choose from, by each fact; of many the `MOST` latest, by name."""
    wanted = [fact for fact in FACTS if fact != "status"]
    said = ", ".join(f"{FACTS[fact]} AS {fact}" for fact in wanted)
    query = f"SELECT {said}, max(number) AS last FROM calls GROUP BY 1, 2, 3, 4 ORDER BY last DESC"  # noqa: S608 - the same
    rows = connection.execute(query).fetchall()
    found = {fact: list(dict.fromkeys(row[fact] for row in rows if row[fact])) for fact in wanted}
    return {**{fact: sorted(latest[:MOST]) for fact, latest in found.items()}, "status": ["ok", "error"]}
