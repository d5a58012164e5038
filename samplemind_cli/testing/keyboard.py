"""Single key presses on the terminal, while tests wait for a change."""

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from samplemind_cli import output


def listens() -> bool:
    """Whether a person can press keys here: a terminal, and we are not in its background."""
    return output.on_terminal(sys.stdin) and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key: "" when none came. The terminal is afterwards what it was."""
    if not listens():
        yield _nobody
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def key(seconds: float) -> str:
        ready, _, _ = select.select([terminal], [], [], seconds)
        return os.read(terminal, 1).decode("ascii", "replace") if ready else ""

    try:
        tty.setcbreak(terminal)
        yield key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _nobody(seconds: float) -> str:
    time.sleep(seconds)
    return ""
