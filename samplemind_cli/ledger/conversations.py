"""Stores conversations and their turns in the ledger's file; by name, or the last one of a terminal."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.ledger.store import DAY, transaction

Turn = Sequence[dict[str, Any]]  # messages as `ai.stored` encodes them


@dataclass(slots=True)
class Conversation:
    """Its messages so far. `number` None: nothing is stored yet. `model`: the one that was named, else ""."""

    terminal: str
    name: str = ""
    system: str = ""
    model: str = ""
    number: int | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)


def named(connection: sqlite3.Connection, name: str, terminal: str) -> Conversation:
    """The conversation of that name; a new one if there is none."""
    row = connection.execute("SELECT * FROM conversations WHERE name = ?", (name,)).fetchone()
    return _whole(connection, row, terminal) if row else Conversation(terminal, name)


def last(connection: sqlite3.Connection, terminal: str) -> Conversation:
    """A terminal's last conversation, or its last `ask` if that is newer, which begins one.

    Not older than a day, as the names of terminals are reused.
    """
    since = time.time() - DAY
    query = "SELECT * FROM conversations WHERE terminal = ? AND used > ? ORDER BY used DESC LIMIT 1"
    row = connection.execute(query, (terminal, since)).fetchone()
    query = """SELECT words.* FROM calls JOIN words USING (number) WHERE session = ? AND command = 'ask' AND at > ?
        AND error IS NULL AND prompt <> '' AND answer <> '' ORDER BY at DESC LIMIT 1"""
    single = connection.execute(query, (terminal, row["used"] if row else since)).fetchone()
    if single:
        turns = [("user", single["prompt"]), ("assistant", single["answer"])]
        messages = [{"role": role, "parts": [{"text": text}]} for role, text in turns]
        return Conversation(terminal, system=single["system"] or "", messages=messages)
    return _whole(connection, row, terminal) if row else Conversation(terminal)


def keep(connection: sqlite3.Connection, conversation: Conversation, turn: Turn) -> None:
    """Add a turn; of a conversation that is not stored yet, its earlier messages too."""
    columns = (
        *(conversation.name or None, conversation.terminal, time.time()),
        *(conversation.system, conversation.model),
    )
    with transaction(connection):
        if conversation.number is None or not _update(connection, conversation.number, columns):
            conversation.number = _insert(connection, columns)
            _add(connection, conversation.number, conversation.messages)
        _add(connection, conversation.number, turn)
    conversation.messages += turn


def _update(connection: sqlite3.Connection, number: int, columns: tuple[Any, ...]) -> bool:
    """Whether the row still exists; if so, it is up to date."""
    query = "UPDATE conversations SET name = ?, terminal = ?, used = ?, system = ?, model = ? WHERE number = ?"
    return connection.execute(query, (*columns, number)).rowcount > 0


def _insert(connection: sqlite3.Connection, columns: tuple[Any, ...]) -> int:
    """The number of a new row, or of the one of that name that another process inserted meanwhile."""
    query = """INSERT INTO conversations (name, terminal, used, system, model) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET terminal = excluded.terminal, used = excluded.used RETURNING number"""
    return int(connection.execute(query, columns).fetchone()[0])


def _add(connection: sqlite3.Connection, number: int, messages: Turn) -> None:
    if messages:
        encoded = json.dumps(list(messages), ensure_ascii=False).encode("utf-8", "replace").decode()
        connection.execute("INSERT INTO turns (conversation, messages) VALUES (?, ?)", (number, encoded))


def _whole(connection: sqlite3.Connection, row: sqlite3.Row, terminal: str) -> Conversation:
    query = "SELECT messages FROM turns WHERE conversation = ? ORDER BY number"
    turns = connection.execute(query, (row["number"],)).fetchall()
    messages = [message for turn in turns for message in json.loads(turn["messages"])]
    columns = (row["name"] or "", row["system"] or "", row["model"] or "")
    return Conversation(terminal, *columns, number=row["number"], messages=messages)
