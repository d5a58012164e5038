"""Conversations: their turns, in the ledger's file; by name, or the last one of a terminal."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.ledger.store import DAY, transaction

Turn = Sequence[dict[str, Any]]  # messages as `ai.stored` has them


@dataclass(slots=True)
class Conversation:
    """What was said. `number` None: nothing of it is stored yet. `model` is the one that was named, if any."""

    terminal: str
    name: str = ""
    system: str = ""
    model: str = ""
    number: int | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)


def named(connection: sqlite3.Connection, name: str, terminal: str) -> Conversation:
    """The conversation of that name; a new one where there is none."""
    row = connection.execute("SELECT * FROM conversations WHERE name = ?", (name,)).fetchone()
    return _whole(connection, row, terminal) if row else Conversation(terminal, name)


def last(connection: sqlite3.Connection, terminal: str) -> Conversation:
    """The last one of a terminal within a day, as terminals' names come again; it may begin with an `ask` before."""
    since = time.time() - DAY
    query = "SELECT * FROM conversations WHERE terminal = ? AND used > ? ORDER BY used DESC LIMIT 1"
    row = connection.execute(query, (terminal, since)).fetchone()
    query = """SELECT words.* FROM calls JOIN words USING (number) WHERE session = ? AND command = 'ask' AND at > ?
        AND error IS NULL AND prompt <> '' AND answer <> '' ORDER BY at DESC LIMIT 1"""
    single = connection.execute(query, (terminal, row["used"] if row else since)).fetchone()
    if single:
        said = [("user", single["prompt"]), ("assistant", single["answer"])]
        messages = [{"role": role, "parts": [{"text": text}]} for role, text in said]
        return Conversation(terminal, system=single["system"] or "", messages=messages)
    return _whole(connection, row, terminal) if row else Conversation(terminal)


def keep(connection: sqlite3.Connection, held: Conversation, turn: Turn) -> None:
    """Add a turn; all of a conversation that is not stored yet comes with it."""
    facts = (held.name or None, held.terminal, time.time(), held.system, held.model)
    with transaction(connection):
        if held.number is None or not _used(connection, held.number, facts):
            held.number = _begun(connection, facts)
            _add(connection, held.number, held.messages)
        _add(connection, held.number, turn)
    held.messages += turn


def _used(connection: sqlite3.Connection, number: int, facts: tuple[Any, ...]) -> bool:
    """Whether it is still there; then it was used now, here."""
    query = "UPDATE conversations SET name = ?, terminal = ?, used = ?, system = ?, model = ? WHERE number = ?"
    return connection.execute(query, (*facts, number)).rowcount > 0


def _begun(connection: sqlite3.Connection, facts: tuple[Any, ...]) -> int:
    """A new one, or the one of that name that another process began meanwhile."""
    query = """INSERT INTO conversations (name, terminal, used, system, model) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET terminal = excluded.terminal, used = excluded.used RETURNING number"""
    return int(connection.execute(query, facts).fetchone()[0])


def _add(connection: sqlite3.Connection, number: int, messages: Turn) -> None:
    if messages:
        told = json.dumps(list(messages), ensure_ascii=False).encode("utf-8", "replace").decode()
        connection.execute("INSERT INTO turns (conversation, messages) VALUES (?, ?)", (number, told))


def _whole(connection: sqlite3.Connection, row: sqlite3.Row, terminal: str) -> Conversation:
    query = "SELECT messages FROM turns WHERE conversation = ? ORDER BY number"
    turns = connection.execute(query, (row["number"],)).fetchall()
    messages = [message for turn in turns for message in json.loads(turn["messages"])]
    known = (row["name"] or "", row["system"] or "", row["model"] or "")
    return Conversation(terminal, *known, number=row["number"], messages=messages)
