"""Commands that never outlive us: python-on-whales leaves a followed command running, and knows no time limit."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

GRACE = 10.0  # seconds a command gets to stop what it had begun


@contextmanager
def reaped(
    command: Sequence[str],
    stderr: int = subprocess.STDOUT,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, its stdout a pipe. However the block is left, it is ended and reaped, its children with it.

    It has a process group of its own: Ctrl-C reaches it once, through this block, and Docker's plugins end with it.
    """
    child = subprocess.Popen(  # noqa: S603 - no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, process_group=0,
        env=env, cwd=directory,
    )  # fmt: skip
    try:
        yield child
    finally:
        _end(child)


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
