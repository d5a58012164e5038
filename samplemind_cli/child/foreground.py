"""Runs a command on our terminal, input and output until it ends."""

import subprocess
from collections.abc import Sequence

GRACE = 5.0  # seconds to end after we are interrupted


def run(command: Sequence[str]) -> int:
    """Run a command and return its exit code; 128 + N if signal N ended it.

    It stays in our process group, so that it can read from the terminal and gets Ctrl-C too.
    """
    child = subprocess.Popen(command)  # noqa: S603 - no shell
    try:
        code = child.wait()
    finally:
        if child.poll() is None:
            _end(child)
    return 128 - code if code < 0 else code


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
