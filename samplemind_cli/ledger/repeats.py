"""Which answers were given again out of the cache, and what they answer."""

import sqlite3
from collections.abc import Sequence
from typing import Any

SHORT = 160  # characters of a prompt


def most_used(connection: sqlite3.Connection, count: int) -> list[dict[str, Any]]:
    """The answers that came out of the cache most often: their key, how often, their route and prompt."""
    query = """SELECT key, sum(times) AS hits, max(at) AS at,
        coalesce(provider, '?') || '/' || coalesce(model, '?') AS model
        FROM calls WHERE tier <> 'miss' AND error IS NULL AND key IS NOT NULL
        GROUP BY key ORDER BY hits DESC, at DESC LIMIT ?"""
    found = [dict(row) for row in connection.execute(query, (count,))]
    words = prompts(connection, [row["key"] for row in found])
    return [{**row, "prompt": words.get(row["key"])} for row in found]


def keys(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """The keys of the answers to prompts that begin so, where the prompts were kept."""
    query = """SELECT DISTINCT key FROM calls JOIN words USING (number)
        WHERE key IS NOT NULL AND substr(prompt, 1, ?) = ?"""
    return [row["key"] for row in connection.execute(query, (len(beginning), beginning))]


def prompts(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, str]:
    """The beginning of the prompt under each key, where one was kept."""
    query = f"""SELECT substr(prompt, 1, {SHORT}) AS prompt FROM calls JOIN words USING (number)
        WHERE key = ? AND prompt <> '' ORDER BY at DESC LIMIT 1"""  # noqa: S608 - a number of ours
    found = ((key, connection.execute(query, (key,)).fetchone()) for key in keys)
    return {key: row["prompt"] for key, row in found if row}
