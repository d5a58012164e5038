"""One run of a user's program: wall time, CPU time, peak memory and exit code."""

import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samplemind_cli.bench.measure import TAIL
from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.settings import environment

LAUNCHER = Path(__file__).with_name("launcher.py")
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of `ru_maxrss`


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The usage of one run: seconds, CPU seconds, bytes; with all children that the program waited for.

    `memory`: the peak of the largest process; less than `floor` cannot be measured. `code`: negative if a signal ended
    it.
    """

    seconds: float
    cpu: float
    memory: int
    floor: int
    code: int

    @property
    def ending(self) -> str:
        """How it ended, for messages."""
        return f"was ended by {signal.Signals(-self.code).name}" if self.code < 0 else f"ended with {self.code}"


def run(command: Sequence[str], directory: Path) -> ResourceUsage:
    """Run a program to its end and discard its output. Raises UsageError if it cannot be started."""
    return _run(command, directory, subprocess.DEVNULL)


def rehearse(command: Sequence[str], directory: Path) -> tuple[ResourceUsage, str]:
    """The same, and the end of its stderr."""
    with tempfile.TemporaryFile() as stderr:  # not a pipe: a process left behind would hold it open
        usage = _run(command, directory, stderr.fileno())
        stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - TAIL))
        return usage, stderr.read().decode("utf-8", "replace").strip()


def _run(command: Sequence[str], directory: Path, stderr: int) -> ResourceUsage:
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), *command]
    with reaped(launcher, stderr, environment(), directory) as child:
        out, _ = child.communicate()
    words = out.decode().split()
    if words[:1] == ["error"]:
        raise _unstartable(command, int(words[1]))
    if child.returncode or not words:
        raise SamplemindError(f"the process that measures `{shlex.join(command)}` ended with {child.returncode}")
    seconds, user, system = map(float, words[:3])
    memory, floor, code = map(int, words[3:])
    return ResourceUsage(seconds, user + system, memory * UNIT, floor * UNIT, code)


def _unstartable(command: Sequence[str], number: int) -> UsageError:
    hint = "check its name and path"
    if number == errno.ENOENT and len(command) == 1 and " " in command[0]:
        hint = f"for a shell's line: samplemind bench run -- sh -c {shlex.quote(command[0])}"
    elif number == errno.ENOEXEC:
        hint = "a script needs a first line such as #!/bin/sh"
    return UsageError(f"cannot start {command[0]}: {os.strerror(number)}", hint)
