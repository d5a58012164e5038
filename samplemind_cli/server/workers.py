"""Several workers on one socket: started, replaced when they die, ended together."""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

SOON = 1.0  # seconds: a worker that dies sooner was not able to work, and another would not be either


def run(count: int, work: Callable[[], None]) -> int:
    """Run `work` in `count` processes until SIGTERM or Ctrl-C; the exit code.

    1 when a worker ended by itself as soon as it began.
    """
    running: dict[int, float] = {}
    ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        ending = True
        for worker in running:
            os.kill(worker, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    failed = False
    for _ in range(count):
        running[_started(work)] = time.monotonic()
    while running:
        worker, _status = os.wait()
        lived = time.monotonic() - running.pop(worker)
        if not ending and lived < SOON:
            failed = True
            end(signal.SIGTERM, None)
        elif not ending:
            running[_started(work)] = time.monotonic()
    return int(failed)


def _started(work: Callable[[], None]) -> int:
    """A child that works and never returns here."""
    worker = os.fork()
    if worker:
        return worker
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may get out of a child into its parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
