"""Single key presses on the terminal, while tests wait for a change."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from samplemind_cli import output


def listens() -> bool:
    """Whether a person can press keys here: a terminal, and we are not in its background."""
    return output.on_terminal(sys.stdin) and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


class NoKeys:
    """Where nobody can press any."""

    def read(self, seconds: float) -> str:
        """Nothing, after so many seconds."""
        time.sleep(seconds)
        return ""

    def line(self, _question: str) -> str:
        """Nothing."""
        return ""


class Keys(NoKeys):
    """Those of a terminal, one by one."""

    def __init__(self, terminal: int, settings: list[object]) -> None:
        self.terminal, self.settings = terminal, settings

    def read(self, seconds: float) -> str:
        """The key that is pressed within so many seconds; else nothing."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        return os.read(self.terminal, 1).decode("ascii", "replace") if ready else ""

    def line(self, question: str) -> str:
        """A line, typed with the terminal's own means to mend it; what was typed before the question counts too."""
        import termios

        termios.tcsetattr(self.terminal, termios.TCSADRAIN, self.settings)  # type: ignore[arg-type]
        output.say(question)
        found = b""
        while not found.endswith(b"\n") and (some := os.read(self.terminal, 4096)):
            found += some
        return _erased(found.decode("utf-8", "replace"))


def _erased(text: str) -> str:
    """Apply the backspaces that were typed before the terminal did so itself."""
    kept: list[str] = []
    for letter in text:
        if letter not in "\b\x7f":
            kept.append(letter)
        elif kept:
            kept.pop()
    return "".join(kept)


@contextmanager
def keys() -> Iterator[NoKeys]:
    """The keys of this terminal, if there is one. It is afterwards what it was."""
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
