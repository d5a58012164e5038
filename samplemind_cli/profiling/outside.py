"""Samples a program from outside with py-spy: all its threads and child processes, without slowing its calls."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.child import Course
from samplemind_cli.profiling.clocks import Clocks

RATE, SLOWEST = 500.0, 5.0  # samples a second
AIM, TOO_MUCH = 0.08, 0.2  # py-spy's share of a processor: it pauses the program for as long
FIRST, NEXT = 0.3, 1.0  # seconds between checks of its share
PATIENCE, GRACE = 1.0, 10.0  # seconds for Python to start, for py-spy to write its file
POLL = 0.002
ANNOUNCED = "Sampling process"
CAPABLE = 1 << 19  # CAP_SYS_PTRACE
ANYBODYS, DESCENDANTS, _ADMINS, NOBODYS = range(4)  # values of Linux's kernel.yama.ptrace_scope


def find() -> Path | None:
    """py-spy, installed beside samplemind or on the PATH."""
    beside = Path(sysconfig.get_path("scripts"), "py-spy")
    path = str(beside) if os.path.exists(beside) else shutil.which("py-spy")
    return Path(path) if path else None


def refusal(*, foreign: bool = False) -> str:
    """Why py-spy may not attach to a process that we start, or to a `foreign` one; empty if it may."""
    if sys.platform != "linux":
        return "" if os.geteuid() == 0 else f"py-spy needs root on {sys.platform}"
    limit = scope()
    if limit == NOBODYS or (limit > (ANYBODYS if foreign else DESCENDANTS) and not _capable()):
        return f"kernel.yama.ptrace_scope is {limit}"
    return ""


def scope() -> int:
    """Linux's kernel.yama.ptrace_scope: who may attach to a process."""
    return int(files.text(Path("/proc/sys/kernel/yama/ptrace_scope")) or ANYBODYS)


def permission() -> int:
    """The process that the program must allow to attach, ours and so py-spy's parent; 0 if it need not."""
    return os.getpid() if scope() == DESCENDANTS and not _capable() else 0


def _capable() -> bool:
    status = files.text(Path("/proc/self/status")).partition("CapEff:")[2].split()
    return bool(status) and bool(int(status[0], 16) & CAPABLE)


@dataclass
class Sampler:
    """py-spy on a process and its children. If a sample is expensive, as with deep stacks, it samples less often."""

    spy: Path
    pid: int
    folder: Path
    rate: float = RATE
    written: list[tuple[Path, float]] = field(default_factory=list)
    reason: str = ""  # why there are no samples
    child: subprocess.Popen[bytes] | None = None
    first: float = 0.0  # when it started (time.monotonic)
    began: float = 0.0  # when it started with the present rate
    ended: float = 0.0
    clocks: Clocks = field(default_factory=Clocks)

    def start(self) -> None:
        """Start py-spy; returns once it samples or has failed."""
        out, log = (self.folder / f"{len(self.written)}.{ending}" for ending in ("raw", "log"))
        how = ["--rate", f"{self.rate:.0f}", "--function", "--full-filenames", "--format", "raw", "--output", str(out)]
        command = [str(self.spy), "record", "--pid", str(self.pid), "--subprocesses", "--threads", *how]
        try:
            with log.open("wb") as to:  # a group of its own: Ctrl-C is for the program
                self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=to, process_group=0)  # noqa: S603 - ours
        except OSError as error:
            self.reason = f"{self.spy}: {error.strerror}"
            return
        while ANNOUNCED not in files.text(log):
            if self.child.poll() is not None:
                self.reason = _reason(files.text(log))
                return
            time.sleep(POLL)
        self.written.append((out, self.rate))
        self.began = time.monotonic()
        self.first = self.first or self.began
        self.clocks.read(self.pid)

    @property
    def wall(self) -> float:
        """Seconds since the first sample."""
        return time.monotonic() - self.first if self.first else 0.0

    def relax(self) -> None:
        """Sample less often if py-spy uses more than TOO_MUCH of a processor."""
        self.clocks.read(self.pid)
        took = time.monotonic() - self.began
        share = self._worked() / took
        if self.child is None or self.child.poll() is not None or share <= TOO_MUCH or self.rate <= SLOWEST:
            return
        self.stop(at_once=True)
        self.rate = max(SLOWEST, self.rate * AIM / share)
        self.start()

    def stop(self, *, at_once: bool = False) -> None:
        """Wait until py-spy has written its file; it ends with the program, or `at_once`."""
        if self.child is None:
            return
        self.clocks.read(self.pid)
        self.ended = time.monotonic()
        for patience, number in ((0.0 if at_once else PATIENCE, signal.SIGINT), (GRACE, signal.SIGKILL)):
            try:
                self.child.wait(patience)
            except subprocess.TimeoutExpired:
                self.child.send_signal(number)
        self.child.wait()

    def threads(self) -> dict[str, float]:
        """CPU seconds by thread of the process itself."""
        return self.clocks.seconds(self.ended)

    def printed(self) -> list[tuple[str, float]]:
        """py-spy's outputs, each with its rate in samples per second."""
        return [(files.text(file), rate) for file, rate in self.written]

    def _worked(self) -> float:
        """CPU seconds that py-spy has used."""
        numbers = files.text(Path(f"/proc/{self.child.pid}/stat") if self.child else Path()).rpartition(")")[2].split()
        return sum(map(int, numbers[11:13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(spy: Path, folder: Path, course: Course) -> Iterator[Sampler]:
    """Sample the program of `course` from the start of its Python until this block ends.

    The injected file creates `folder`/running, and waits for `folder`/sampling.
    """
    sampler, ended = Sampler(spy, 0, folder), threading.Event()
    thread = threading.Thread(target=_watch, args=(sampler, course, ended))
    thread.start()
    try:
        yield sampler
    finally:
        ended.set()
        thread.join()


def _watch(sampler: Sampler, course: Course, ended: threading.Event) -> None:
    running, limit = sampler.folder / "running", float("inf")
    while not os.path.exists(running) and time.monotonic() < limit:
        if ended.wait(POLL):
            return
        if course.pid and limit == float("inf"):
            limit = time.monotonic() + PATIENCE  # a Python that ignores PYTHONPATH never creates the file
    sampler.pid = course.pid
    try:
        sampler.start()
    finally:
        (sampler.folder / "sampling").touch()
    pause = FIRST
    while not ended.wait(pause):
        sampler.relax()
        pause = NEXT
    sampler.stop()


def _reason(log: str) -> str:
    """The last cause in py-spy's log."""
    lines = [line.strip() for line in log.partition("Stack backtrace")[0].splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it gave no reason"
