"""The calls themselves: the latest ones, those whose words were searched for, one by its id."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.ledger.store import MISS, WORDS

_ALL = f"""SELECT calls.*, {", ".join(WORDS + MISS)}
    FROM calls LEFT JOIN words USING (number) LEFT JOIN misses USING (number)"""  # noqa: S608 - names of ours
MATCHING = "calls.number IN (SELECT rowid FROM found WHERE found MATCH ?)"
SHORT = 12  # digits of an id that are shown
PROMPT = 160  # characters of another call's prompt


def latest(connection: sqlite3.Connection, count: int, after: int = 0) -> list[dict[str, Any]]:
    """The last `count` calls behind number `after`, oldest first."""
    query = f"{_ALL} WHERE calls.number > ? ORDER BY calls.number DESC LIMIT ?"
    return [_call(row) for row in reversed(connection.execute(query, (after, count)).fetchall())]


def search(connection: sqlite3.Connection, words: str, count: int) -> list[dict[str, Any]]:
    """The last `count` calls in whose prompt or answer every one of these words stands, oldest first."""
    found = wanted(words)
    if not found:
        raise UsageError("there is nothing to search for", "samplemind log --search WORDS")
    query = f"{_ALL} WHERE {MATCHING} ORDER BY calls.number DESC LIMIT ?"
    return [_call(row) for row in reversed(connection.execute(query, (found, count)).fetchall())]


def wanted(words: str, *, begun: bool = False) -> str:
    """What `MATCHING` is given for these words, none of which is an operator; `begun`: each may go on."""
    return " ".join(f'"{word}"{"*" if begun else ""}' for word in words.replace('"', " ").split())


def one(connection: sqlite3.Connection, beginning: str) -> dict[str, Any]:
    """The call whose id begins so. Raises UsageError when none or several do."""
    query = f"{_ALL} WHERE substr(calls.id, 1, ?) = ? LIMIT 2"
    rows = connection.execute(query, (len(beginning), beginning)).fetchall()
    if len(rows) != 1 or not beginning:
        why = "several call IDs begin" if rows else "no call ID begins"
        raise UsageError(f"{why} with {beginning!r}", "samplemind log lists them")
    call = _call(rows[0])
    return call | ({"nearest": _nearest(connection, call)} if "nearest" in call else {})


def _nearest(connection: sqlite3.Connection, call: dict[str, Any]) -> dict[str, str]:
    """The stored question nearest to one that was new: its key, and the id and prompt of its call where it is known."""
    query = """SELECT id, prompt FROM calls LEFT JOIN words USING (number)
        WHERE key = ? AND tier = 'miss' AND calls.number <> ? ORDER BY at > ?, at DESC LIMIT 1"""
    row = connection.execute(query, (call["nearest"], call["number"], call["at"])).fetchone()
    found = {"id": row["id"], "prompt": (row["prompt"] or "")[:PROMPT]} if row else {}
    return {"key": call["nearest"], **{name: value for name, value in found.items() if value}}


def every(connection: sqlite3.Connection, since: float) -> Iterator[dict[str, Any]]:
    """Every call since `since` (unix seconds), oldest first; one at a time in memory."""
    for row in connection.execute(f"{_ALL} WHERE at >= ? ORDER BY calls.number", (since,)):
        yield _call(row)


def _call(row: sqlite3.Row) -> dict[str, Any]:
    told = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118 - a Row is no mapping
    return told | ({"passed": json.loads(row["passed"])} if row["passed"] else {})
