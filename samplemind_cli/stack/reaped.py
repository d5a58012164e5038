"""Commands that never outlive us: python-on-whales leaves a followed command running, and knows no time limit."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

GRACE = 10.0  # seconds Compose gets to stop what it had begun


@contextmanager
def reaped(command: Sequence[str], stderr: int = subprocess.STDOUT) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, its stdout a pipe. However it is left, by SIGTERM or SIGHUP too, it is ended and reaped.

    It has a process group of its own: Ctrl-C reaches it once, through this block, and Docker's plugins end with it.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    child = subprocess.Popen(  # noqa: S603 - no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, process_group=0
    )
    try:
        yield child
    finally:
        _end(child)
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
