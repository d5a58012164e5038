"""What is typed into a chat, also where a stream is closed."""

import io
import sys

import pytest

from samplemind_cli.asking import typed


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_turns_are_read_where_another_stream_is_closed(monkeypatch, closed):
    monkeypatch.setattr(sys, "stdin", io.StringIO('one\n\ntwo\\\nmore\n"""a\nb"""\nlast'))
    monkeypatch.setattr(sys, closed, None)

    assert list(typed.turns()) == ["one", "two\nmore", "a\nb", "last"]


def test_a_closed_stdin_has_no_turns(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert list(typed.turns()) == []
