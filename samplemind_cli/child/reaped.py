"""Commands that never outlive us: python-on-whales leaves a followed command running, and knows no time limit."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from samplemind_cli.child import ending_signals

GRACE = 10.0  # seconds a command gets to stop what it had begun


@contextmanager
def reaped(
    command: Sequence[str],
    stderr: int = subprocess.STDOUT,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdout: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running command. However the block is left, it is ended and reaped, its children with it.

    It has a process group of its own: Ctrl-C reaches it once, through this block, and Docker's plugins end with it.
    """
    child = None
    try:
        with _uninterrupted():
            child = subprocess.Popen(  # noqa: S603 - no shell
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, process_group=0,
                env=env, cwd=directory,
            )  # fmt: skip
        yield child
    finally:
        if child:
            _end(child)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What would interrupt this block does so at its end: a process begun in it is known by then.

    Blocking the signals would not do: the process would be born with them blocked.
    """
    received: list[int] = []
    interruptible = threading.current_thread() is threading.main_thread()
    numbers = ending_signals() if interruptible else ()
    handlers = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for one in received:
            signal.raise_signal(one)


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a command that leads a group now, its children with it; it may have ended."""
    with suppress(ProcessLookupError, PermissionError):  # the latter is what macOS says of one that has
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        kill(child)
        child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
