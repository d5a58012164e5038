"""Look at a program from outside with py-spy: all its threads and the processes below it, none of its calls slowed."""

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
AIM, TOO_MUCH = 0.08, 0.2  # of a processor for py-spy: the program stands still meanwhile
FIRST, NEXT = 0.3, 1.0  # seconds until its share is looked at
PATIENCE, GRACE = 1.0, 10.0  # seconds for Python to start, for py-spy to write its file
POLL = 0.002
ANNOUNCED = "Sampling process"
CAPABLE = 1 << 19  # CAP_SYS_PTRACE
ANYBODYS, DESCENDANTS, ADMIN, NOBODYS = range(4)  # Linux's kernel.yama.ptrace_scope


def find() -> Path | None:
    """py-spy, installed beside samplemind or on the PATH."""
    beside = Path(sysconfig.get_path("scripts"), "py-spy")
    found = str(beside) if os.path.exists(beside) else shutil.which("py-spy")
    return Path(found) if found else None


def refusal(*, foreign: bool = False) -> str:
    """Why this system lets py-spy not look at a process that we start, or at a `foreign` one; empty when it does."""
    if sys.platform != "linux":
        return "" if os.geteuid() == 0 else f"py-spy needs root on {sys.platform}"
    limit = scope()
    if limit == NOBODYS or (limit > (ANYBODYS if foreign else DESCENDANTS) and not _capable()):
        return f"kernel.yama.ptrace_scope is {limit}"
    return ""


def scope() -> int:
    """Whom Linux lets look into a process."""
    return int(files.text(Path("/proc/sys/kernel/yama/ptrace_scope")) or ANYBODYS)


def permission() -> int:
    """Whom the program must allow to look at it: us, and so py-spy; 0 where it need not."""
    return os.getpid() if scope() == DESCENDANTS and not _capable() else 0


def _capable() -> bool:
    status = files.text(Path("/proc/self/status")).partition("CapEff:")[2].split()
    return bool(status) and bool(int(status[0], 16) & CAPABLE)


@dataclass
class Sampler:
    """py-spy at a process and those below it. Where a look costs much, as with deep stacks, it looks less often."""

    spy: Path
    pid: int
    folder: Path
    rate: float = RATE
    written: list[tuple[Path, float]] = field(default_factory=list)
    reason: str = ""  # why there is nothing
    child: subprocess.Popen[bytes] | None = None
    first: float = 0.0  # when it began, in time.monotonic's seconds
    began: float = 0.0  # the same of this rate
    ended: float = 0.0
    clocks: Clocks = field(default_factory=Clocks)

    def start(self) -> None:
        """Return when it is looking, or has given up."""
        out, log = (self.folder / f"{len(self.written)}.{ending}" for ending in ("raw", "log"))
        how = ["--rate", f"{self.rate:.0f}", "--function", "--full-filenames", "--format", "raw", "--output", str(out)]
        command = [str(self.spy), "record", "--pid", str(self.pid), "--subprocesses", "--threads", *how]
        try:
            with log.open("wb") as said:  # a group of its own: Ctrl-C is for the program
                self.child = subprocess.Popen(  # noqa: S603 - ours
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, process_group=0
                )
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
        """Seconds since the first look."""
        return time.monotonic() - self.first if self.first else 0.0

    def relax(self) -> None:
        """Look less often where py-spy works more than TOO_MUCH."""
        self.clocks.read(self.pid)
        took = time.monotonic() - self.began
        share = self._worked() / took
        if self.child is None or self.child.poll() is not None or share <= TOO_MUCH or self.rate <= SLOWEST:
            return
        self.stop(at_once=True)
        self.rate = max(SLOWEST, self.rate * AIM / share)
        self.start()

    def stop(self, *, at_once: bool = False) -> None:
        """Let it write what it saw: by itself, as the program has ended, or `at_once`."""
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
        """Seconds of processor time by thread of the process itself."""
        return self.clocks.seconds(self.ended)

    def printed(self) -> list[tuple[str, float]]:
        """What py-spy wrote, with the samples a second."""
        return [(files.text(file), rate) for file, rate in self.written]

    def _worked(self) -> float:
        """Seconds of processor time that py-spy has used."""
        numbers = files.text(Path(f"/proc/{self.child.pid}/stat") if self.child else Path()).rpartition(")")[2].split()
        return sum(map(int, numbers[11:13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(spy: Path, folder: Path, course: Course) -> Iterator[Sampler]:
    """Look at the program of `course` as soon as its Python has started, until this block ends.

    The injected file says so in `folder`/running, and waits for `folder`/sampling.
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
            limit = time.monotonic() + PATIENCE  # Python may have been told to read no PYTHONPATH
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
    """The last cause that py-spy names."""
    lines = [line.strip() for line in log.partition("Stack backtrace")[0].splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it gave no reason"
