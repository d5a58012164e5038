"""What is typed into a chat becomes turns and commands."""

import io
import sys

import pytest

from samplemind_cli.asking import typed


@pytest.fixture
def turns(monkeypatch):
    def read(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return list(typed.turns())

    return read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hi\n\n  \nthere\n", [("hi", False), ("there", False)]),
        ("/model auto\n", [("/model auto", True)]),
        ("one\\\ntwo\n", [("one\ntwo", False)]),
        ('"""\na\n\nb\n"""\nnext\n', [("a\n\nb", False), ("next", False)]),
        ('"""/etc/hosts is a file"""\n', [("/etc/hosts is a file", False)]),
    ],
)
def test_lines_become_turns_and_what_stands_between_fences_is_no_command(turns, text, found):
    assert turns(text) == found


@pytest.mark.parametrize("text", ['"""\none\ntwo', '"""\none\ntwo\n', "one\\\ntwo", "one\\\ntwo\\"])
def test_the_end_of_input_ends_a_turn_and_loses_nothing_of_it(turns, text):
    assert [turn for turn, _ in turns(text)] == ["one\ntwo"]


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_turns_are_read_where_another_stream_is_closed(monkeypatch, closed):
    monkeypatch.setattr(sys, "stdin", io.StringIO('one\n\ntwo\\\nmore\n"""a\nb"""\nlast'))
    monkeypatch.setattr(sys, closed, None)

    assert list(typed.turns()) == [("one", False), ("two\nmore", False), ("a\nb", False), ("last", False)]


def test_a_closed_stdin_has_no_turns(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert list(typed.turns()) == []
