"""Reads calls: the latest, by their words, by id, and those most often answered from the cache."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.ledger.store import MISS, MODEL, WORDS

_ALL = f"""SELECT calls.*, {", ".join(WORDS + MISS)}
    FROM calls LEFT JOIN words USING (number) LEFT JOIN misses USING (number)"""  # noqa: S608 - names of ours
MATCHING = "calls.number IN (SELECT rowid FROM found WHERE found MATCH ?)"
SHORT = 160  # characters of a prompt in a list


def latest(connection: sqlite3.Connection, count: int, after: int = 0) -> list[dict[str, Any]]:
    """The last `count` calls after number `after`, oldest first."""
    query = f"{_ALL} WHERE calls.number > ? ORDER BY calls.number DESC LIMIT ?"
    return [_call(row) for row in reversed(connection.execute(query, (after, count)).fetchall())]


def search(connection: sqlite3.Connection, words: str, count: int) -> list[dict[str, Any]]:
    """The last `count` calls whose prompt or answer contains all of these words, oldest first. Raises UsageError."""
    matching = fts_query(words)
    if not matching:
        raise UsageError("there is nothing to search for", "samplemind log --search WORDS")
    query = f"{_ALL} WHERE {MATCHING} ORDER BY calls.number DESC LIMIT ?"
    return [_call(row) for row in reversed(connection.execute(query, (matching, count)).fetchall())]


def fts_query(words: str, *, prefix: bool = False) -> str:
    """The parameter of `MATCHING` for these words, none of them an operator; `prefix`: each matches longer ones too."""
    return " ".join(f'"{word}"{"*" if prefix else ""}' for word in words.replace('"', " ").split())


def one(connection: sqlite3.Connection, beginning: str) -> dict[str, Any]:
    """The call whose id begins so. Raises UsageError if there is none, or several."""
    query = f"{_ALL} WHERE calls.id >= ? AND calls.id < ? LIMIT 2"  # LIKE would not use the index on ids
    rows = connection.execute(query, (beginning, f"{beginning}\U0010ffff")).fetchall()
    if len(rows) != 1 or not beginning:
        why = "several call IDs begin" if rows else "no call ID begins"
        raise UsageError(f"{why} with {beginning!r}", "samplemind log lists them")
    call = _call(rows[0])
    return call | ({"nearest": _nearest(connection, call)} if "nearest" in call else {})


def _nearest(connection: sqlite3.Connection, call: dict[str, Any]) -> dict[str, str]:
    """The stored question nearest to a call that missed the cache: its key, and its call's id and prompt if known."""
    query = """SELECT id, prompt FROM calls LEFT JOIN words USING (number)
        WHERE key = ? AND tier = 'miss' AND calls.number <> ? ORDER BY at > ?, at DESC LIMIT 1"""
    row = connection.execute(query, (call["nearest"], call["number"], call["at"])).fetchone()
    fields = {"id": row["id"], "prompt": (row["prompt"] or "")[:SHORT]} if row else {}
    return {"key": call["nearest"], **{name: value for name, value in fields.items() if value}}


def every(connection: sqlite3.Connection, since: float) -> Iterator[dict[str, Any]]:
    """Every call since `since` (unix seconds), oldest first; one at a time in memory."""
    for row in connection.execute(f"{_ALL} WHERE at >= ? ORDER BY calls.number", (since,)):
        yield _call(row)


def most_used(connection: sqlite3.Connection, count: int) -> list[dict[str, Any]]:
    """The answers most often served from the cache: key, hits, time of the last hit, model and prompt."""
    query = f"""SELECT key, sum(times) AS hits, max(at) AS at, {MODEL} AS model
        FROM calls WHERE tier <> 'miss' AND error IS NULL AND key IS NOT NULL
        GROUP BY key ORDER BY hits DESC, at DESC LIMIT ?"""  # noqa: S608 - names of ours
    rows = [dict(row) for row in connection.execute(query, (count,))]
    by_key = prompts(connection, [row["key"] for row in rows])
    return [{**row, "prompt": by_key.get(row["key"])} for row in rows]


def keys(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """The keys of the answers to prompts that begin so, where the prompts were kept."""
    query = """SELECT DISTINCT key FROM calls JOIN words USING (number)
        WHERE key IS NOT NULL AND substr(prompt, 1, ?) = ?"""
    return [row["key"] for row in connection.execute(query, (len(beginning), beginning))]


def prompts(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, str]:
    """The beginning of the prompt under each key, where one was kept."""
    query = f"""SELECT substr(prompt, 1, {SHORT}) AS prompt FROM calls JOIN words USING (number)
        WHERE key = ? AND prompt <> '' ORDER BY at DESC LIMIT 1"""  # noqa: S608 - a number of ours
    rows = ((key, connection.execute(query, (key,)).fetchone()) for key in keys)
    return {key: row["prompt"] for key, row in rows if row}


def _call(row: sqlite3.Row) -> dict[str, Any]:
    call = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118 - a Row is no mapping
    return call | ({"passed": json.loads(row["passed"])} if row["passed"] else {})
