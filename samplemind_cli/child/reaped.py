"""Runs commands that never outlive us: python-on-whales leaves a followed command running, and has no timeout."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from samplemind_cli.child import ending_signals

GRACE = 10.0  # seconds for a command to clean up


@contextmanager
def reaped(
    command: Sequence[str],
    stderr: int = subprocess.STDOUT,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdout: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running command. At the end of the block it is terminated and reaped, and its children with it.

    It has its own process group: it gets Ctrl-C once, through this block, and Docker's plugins end with it.
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
    """Delays signals to the end of the block, so that a process started in it is known by then.

    Signals are not blocked, as the process would inherit that.
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
        for delayed in received:
            signal.raise_signal(delayed)


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a command that leads a process group, with its children; it may have ended already."""
    with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, if it has ended
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
