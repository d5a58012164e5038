"""Runs several workers on one socket: started, replaced when they die, stopped together."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from threading import Thread

from samplemind_cli.child import ending_signals

SOON = 1.0  # seconds: a worker that dies sooner is not replaced, as its replacement would die, too


def run(count: int, work: Callable[[], None]) -> int:
    """Run `work` in `count` processes until a signal, or our own death, ends them; returns the exit code.

    It is 1 if a worker ended by itself within SOON. Signals are blocked and polled here, so that none arrives between
    the start of a worker and its registration, or between that and its death.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # POSIX allows an ignored signal to be dropped even while blocked
    awaited = {*ending_signals(), signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    lifeline = os.pipe()
    running: dict[int, float] = {}
    ending = failed = False
    try:
        for _ in range(count):
            running[_started(work, before, lifeline)] = time.monotonic()
        while running:
            ending = signal.sigwait(awaited) != signal.SIGCHLD or ending
            for worker in [worker for worker in running if os.waitpid(worker, os.WNOHANG)[0]]:
                lived = time.monotonic() - running.pop(worker)
                failed = failed or (not ending and lived < SOON)
                ending = ending or failed
                if not ending:
                    running[_started(work, before, lifeline)] = time.monotonic()
            if ending:
                _end(running)
    finally:
        _end(running)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for end in lifeline:
            os.close(end)
    return int(failed)


def _end(workers: Iterable[int]) -> None:
    for worker in workers:
        os.kill(worker, signal.SIGTERM)


def _follow(lifeline: int) -> None:
    """Shut this process down when the last holder of the other end of `lifeline` is gone."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _started(work: Callable[[], None], mask: set[int | signal.Signals], lifeline: tuple[int, int]) -> int:
    """Fork a child that works with this signal mask and never returns; returns its process id."""
    worker = os.fork()
    if worker:
        return worker
    code = 1
    try:
        for number in (*ending_signals(), signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.close(lifeline[1])
        Thread(target=_follow, args=lifeline[:1], daemon=True).start()  # it receives no signals: they are still blocked
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may propagate into the parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
