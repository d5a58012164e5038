"""Reads single key presses while `test --watch` waits for a change."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from samplemind_cli import output


def listens() -> bool:
    """Whether stdin is a terminal with this process in the foreground."""
    return output.on_terminal(sys.stdin) and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


class NoKeys:
    """No keyboard: no key is ever pressed."""

    def read(self, seconds: float) -> str:
        """Empty, after so many seconds."""
        time.sleep(seconds)
        return ""

    def line(self, _question: str) -> str:
        """Empty."""
        return ""


class Keys(NoKeys):
    """The keys of a terminal, one by one."""

    def __init__(self, terminal: int, settings: list[object]) -> None:
        self.terminal, self.settings = terminal, settings

    def read(self, seconds: float) -> str:
        """The key that is pressed within so many seconds; else empty."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        return os.read(self.terminal, 1).decode("ascii", "replace") if ready else ""

    def line(self, question: str) -> str:
        """A line, edited as the terminal allows; it includes what was typed before the question."""
        import termios

        termios.tcsetattr(self.terminal, termios.TCSADRAIN, self.settings)  # type: ignore[arg-type]
        output.say(question)
        typed = b""
        while not typed.endswith(b"\n") and (more := os.read(self.terminal, 4096)):
            typed += more
        return _erased(typed.decode("utf-8", "replace"))


def _erased(text: str) -> str:
    """Apply the backspaces that were typed before the terminal handled them."""
    kept: list[str] = []
    for letter in text:
        if letter not in "\b\x7f":
            kept.append(letter)
        elif kept:
            kept.pop()
    return "".join(kept)


@contextmanager
def keys() -> Iterator[NoKeys]:
    """The keys of this terminal, if there is one, whose settings are restored at the end."""
    if not listens():
        yield NoKeys()
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield Keys(terminal, before)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
