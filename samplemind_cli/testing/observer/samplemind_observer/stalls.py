"""Reports the tests that keep workers waiting: a fixture that cannot exist twice waits for ever in the second one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 1.0
SHOWN = 4
TWICE = (
    "a fixture that cannot exist twice, such as a server on a fixed port, waits for ever in one of several workers, "
    "with plain pytest-xdist too: samplemind test --serial"
)


class Stalls:
    """Runs in xdist's controller, which runs no tests: a thread in a worker might disturb the tests there."""

    def __init__(self, patience: float, say: Callable[[str], None]) -> None:
        self.patience = patience  # seconds without news of any test
        self.say = say
        self.running: dict[str, str] = {}  # the phase of each running test
        self.moved = time.monotonic()
        self.reported: dict[str, str] | None = None  # the last stall
        self.ended = threading.Event()

    def pytest_sessionstart(self) -> None:
        """Start to watch."""
        threading.Thread(target=self.watch, daemon=True).start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A worker begins a test."""
        self.step({**self.running, nodeid: "in its fixtures"})

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test has finished one of its three phases."""
        after = {"setup": "in the test itself", "call": "in the tear-down of its fixtures"}
        if report.when in after and report.nodeid in self.running:
            self.step({**self.running, report.nodeid: after[report.when]})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended."""
        self.step({test: phase for test, phase in self.running.items() if test != nodeid})

    def pytest_sessionfinish(self) -> None:
        """Stop watching."""
        self.ended.set()

    def step(self, running: dict[str, str]) -> None:
        """Something has happened: restart the timeout."""
        self.running, self.moved = running, time.monotonic()

    def watch(self) -> None:
        """Report each stall once."""
        while not self.ended.wait(min(POLL, self.patience)):
            running, waited = self.running, time.monotonic() - self.moved
            if running and running is not self.reported and waited >= self.patience:
                self.say(stall(running, waited))
                self.reported = running


def stall(running: dict[str, str], waited: float) -> str:
    """The waiting tests with their phases, and a hint if a fixture may be the reason."""
    waiting = "; ".join(f"{test}, {phase}" for test, phase in [*running.items()][:SHOWN])
    more = f"; and {len(running) - SHOWN} more" if len(running) > SHOWN else ""
    hint = f"\nhint: {TWICE}" if any("fixtures" in phase for phase in running.values()) else ""
    return f"no test has moved on for {waited:.0f} s; waiting: {waiting}{more}{hint}"
