"""Runs a program as a shell would: exit code, signals, stdin and output are the program's."""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from samplemind_cli.errors import UsageError


def ending_signals() -> set[signal.Signals]:
    """The signals with which a user or a terminal ends this process, without those ignored, as by nohup(1)."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return {number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN}


@dataclass
class Course:
    """The state of a running program: its process id (0: not started), and the signals received meanwhile."""

    pid: int = 0
    signals: list[int] = field(default_factory=list)


def run(  # noqa: PLR0913 - what a program gets
    argv: Sequence[str],
    env: Mapping[str, str],
    directory: Path | None = None,
    *,
    stdin: IO[bytes] | None = None,
    silent: bool = False,
    course: Course | None = None,
    patience: float | None = None,
) -> int:
    """The child's exit code; 128 + N if signal N ended it. Raises UsageError if it cannot be started.

    It inherits this process's streams, unless `stdin` is given or it is `silent`. `course` is kept up to date.

    A terminal sends Ctrl-C to the child as well, which decides how to react, while this process waits. Signals to this
    process alone are forwarded. With `patience`, SIGTERM and SIGHUP end this process too: the child is killed if it
    is still running after so many seconds, and the signal is raised again here.
    """
    children: list[subprocess.Popen[bytes]] = []
    course = course or Course()
    ends: list[int] = []

    def kill() -> None:
        for child in children:
            child.kill()

    def forward(number: int, _frame: FrameType | None) -> None:
        course.signals.append(number)
        typed = number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty()
        if children and not typed:
            children[0].send_signal(number)
        if patience is not None and number != signal.SIGINT and not ends:
            ends.append(number)
            killer = threading.Timer(patience, kill)
            killer.daemon = True
            killer.start()

    before = {number: signal.signal(number, forward) for number in ending_signals()}
    try:
        out = subprocess.DEVNULL if silent else None
        children.append(
            subprocess.Popen(argv, env=dict(env), cwd=directory, stdin=stdin, stdout=out, stderr=out)  # noqa: S603 - the user's
        )
        course.pid = children[0].pid
        code = children[0].wait()
    except OSError as error:
        raise UsageError(f"cannot start {argv[0]}: {error.strerror or error}", "check its name and path") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for ended in ends:
            signal.raise_signal(ended)
    return code if code >= 0 else 128 - code
