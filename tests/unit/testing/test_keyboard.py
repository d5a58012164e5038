import os
import pty
import termios
import tty

import pytest

from samplemind_cli.testing.keyboard import Keys


@pytest.fixture
def terminal():
    """A terminal that gives single keys, what it was before, and the end that types."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    tty.setcbreak(theirs)
    yield Keys(theirs, before), ours
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("typed", [b"good\n", b"goof\x7fd\n", b"goof\bd\n", b"\x7fgood\n"])
def test_a_line_typed_before_the_question_is_read_with_its_backspaces(terminal, typed):
    keys, ours = terminal
    os.write(ours, typed)
    assert keys.line("name: ") == "good\n"


def test_a_line_begun_before_the_question_goes_on_after_it(terminal, monkeypatch):
    keys, ours = terminal
    os.write(ours, b"go")
    monkeypatch.setattr("samplemind_cli.output.say", lambda _question: os.write(ours, b"od\n"))
    assert keys.line("name: ") == "good\n"
