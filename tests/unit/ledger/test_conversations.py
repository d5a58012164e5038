import json
import sqlite3
import time

import pytest

from samplemind_cli import spool
from samplemind_cli.ledger import conversations, log, store
from samplemind_cli.ledger.conversations import Conversation
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


@pytest.fixture
def book(tmp_path):
    return Ledger(Settings(state_dir=str(tmp_path)))


def said(role, text):
    return {"role": role, "parts": [{"text": text}]}


def turn(text):
    return [said("user", text), said("assistant", f"You said: {text}")]


def keep(connection, text, **facts):
    conversations.keep(connection, Conversation(**{"terminal": "tty1"} | facts), turn(text))


def test_turns_come_back_in_their_order_under_their_name(book):
    with book.open() as connection:
        held = conversations.named(connection, "songs", "tty1")
        for text in ("one", "two"):
            conversations.keep(connection, held, turn(text))
    with book.open() as connection:
        assert conversations.named(connection, "songs", "tty2").messages == [*turn("one"), *turn("two")]
        assert conversations.named(connection, "other", "tty1").messages == []


def test_each_terminal_has_its_own_last_one(book):
    with book.open() as connection:
        keep(connection, "one")
        keep(connection, "two", name="songs")
        keep(connection, "three", terminal="tty2")

        assert conversations.last(connection, "tty1").name == "songs"
        assert conversations.last(connection, "tty2").messages == turn("three")
        assert conversations.last(connection, "tty3").messages == []


def test_a_terminal_of_yesterday_is_another_one(book, monkeypatch):
    with book.open() as connection:
        monkeypatch.setattr(time, "time", lambda: 1e9)
        keep(connection, "one")
        monkeypatch.setattr(time, "time", lambda: 1e9 + 2 * store.DAY)
        assert conversations.last(connection, "tty1").messages == []


def test_an_ask_after_it_begins_another(book):
    with book.open() as connection:
        keep(connection, "one")
    call = {"id": "1", "at": time.time() + 1, "command": "ask", "session": "tty1", "prompt": "two", "answer": "2"}
    spool.append(book.folder, json.dumps(call).encode() + b"\n")
    with book.open() as connection:
        found = conversations.last(connection, "tty1")

    assert (found.number, found.messages) == (None, [said("user", "two"), said("assistant", "2")])


def test_two_shells_at_one_conversation_lose_no_turn(book):
    with book.open() as connection:
        first, second = (conversations.named(connection, "songs", tty) for tty in ("tty1", "tty2"))
        conversations.keep(connection, first, turn("one"))
        conversations.keep(connection, second, turn("two"))

        assert conversations.named(connection, "songs", "tty1").messages == [*turn("one"), *turn("two")]


def test_one_that_was_pruned_meanwhile_is_stored_whole_again(book):
    with book.open() as connection:
        held = Conversation("tty1")
        conversations.keep(connection, held, turn("one"))
        connection.execute("DELETE FROM conversations")
        conversations.keep(connection, held, turn("two"))

        assert conversations.last(connection, "tty1").messages == [*turn("one"), *turn("two")]


def test_old_ones_go_with_the_calls_of_their_time_and_leave_no_turns(book):
    with book.open() as connection:
        keep(connection, "one")
        book.prune(connection, days=-1)

        assert connection.execute("SELECT count(*) FROM turns").fetchone()[0] == 0


def test_a_ledger_of_the_first_version_keeps_its_calls_and_takes_conversations(book):
    spool.append(book.folder, b'{"id": "old", "at": %d, "prompt": "before"}\n' % time.time())
    with book.open():
        pass
    with sqlite3.connect(book.path) as old:
        old.executescript("DROP TABLE turns; DROP TABLE conversations; PRAGMA user_version = 1;")
    old.close()

    with book.open() as connection:
        assert [call["prompt"] for call in log.latest(connection, 9)] == ["before"]
        keep(connection, "one")
        assert connection.execute("PRAGMA user_version").fetchone()[0] == store.VERSION
