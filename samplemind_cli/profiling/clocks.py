"""Processor time of threads, as Linux counts it: py-spy also counts one that only wakes up to be looked at."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from samplemind_cli import files

SOON = 1.0  # seconds: a thread that was read so long ago went on as before, or has ended
EXACT = 0.05


@dataclass
class ThreadClock:
    """From `start` on, in time.monotonic's seconds, it had used `used` seconds more when it was read at `when`."""

    base: float
    start: float
    used: float = 0.0
    when: float = 0.0

    def at(self, end: float) -> float | None:
        """What it had used at `end`; None where too little is known."""
        length, rest = self.when - self.start, min(end - self.when, SOON)
        if length <= 0:
            return self.used if rest < EXACT else None
        return self.used + max(0.0, rest) * min(1.0, self.used / length)


@dataclass
class Clocks:
    """By the thread's number."""

    threads: dict[str, ThreadClock] = field(default_factory=dict)
    before: float | None = None  # when they were read last

    def read(self, pid: int) -> None:
        """Read those of all threads that the process has now."""
        now, folder = time.monotonic(), Path(f"/proc/{pid}/task")
        with suppress(OSError):
            for thread in folder.iterdir():
                if words := files.text(thread / "schedstat").split():
                    self._note(thread.name, int(words[0]) / 1e9, now)
            self.before = now

    def _note(self, thread: str, seconds: float, now: float) -> None:
        if thread not in self.threads:
            began_before_us = self.before is None
            clock = ThreadClock(seconds, now) if began_before_us else ThreadClock(0.0, self.before or now)
            self.threads[thread] = clock
        clock = self.threads[thread]
        clock.used, clock.when = seconds - clock.base, now

    def seconds(self, end: float) -> dict[str, float]:
        """Of the threads of which enough is known, what they had used since the first reading."""
        found = {thread: clock.at(end) for thread, clock in self.threads.items()}
        return {thread: used for thread, used in found.items() if used is not None}
