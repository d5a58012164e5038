"""CPU time of threads, as Linux counts it: py-spy also counts a thread that wakes up only because of py-spy."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from samplemind_cli import files

SOON = 1.0  # seconds after its last reading for which a thread is assumed to go on as before
EXACT = 0.05  # seconds after its only reading for which that counts


@dataclass
class ThreadClock:
    """A thread's clock: `used` CPU seconds from `start` to its last reading at `when` (of time.monotonic).

    `base` is what Linux had counted at `start`.
    """

    base: float
    start: float
    used: float = 0.0
    when: float = 0.0

    def at(self, end: float) -> float | None:
        """The CPU seconds used by `end`; None if too little is known."""
        length, rest = self.when - self.start, min(end - self.when, SOON)
        if length <= 0:
            return self.used if rest < EXACT else None
        return self.used + max(0.0, rest) * min(1.0, self.used / length)


@dataclass
class Clocks:
    """The clocks of a process's threads, by thread id."""

    threads: dict[str, ThreadClock] = field(default_factory=dict)
    before: float | None = None  # the time of the last reading

    def read(self, pid: int) -> None:
        """Read the clocks of all present threads of the process."""
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
        """The CPU seconds from the first reading to `end`, of the threads of which enough is known."""
        every = {thread: clock.at(end) for thread, clock in self.threads.items()}
        return {thread: used for thread, used in every.items() if used is not None}
