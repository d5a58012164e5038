"""A limit on CPU time, for work on untrusted input such as a regular expression that backtracks for ever."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REPEAT = 0.1  # seconds between further signals: Python swallows an exception raised in a callback or a `__del__`


class TooLongError(Exception):
    """The work took more CPU time than allowed."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLongError in a block that uses more CPU time; in the main thread alone, as only it gets signals.

    CPU time of this process is counted, so that a busy machine does not matter.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, REPEAT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError
