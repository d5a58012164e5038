"""Shows a batch's progress: one line, redrawn on a terminal, printed from time to time elsewhere."""

import time
from types import TracebackType
from typing import Self

from samplemind_cli import output
from samplemind_cli.batch.run import Tally
from samplemind_cli.budgets import in_dollars

MOST = 100  # different messages of the core that are shown
FIRST, PAUSE = 2.0, 10.0  # without a terminal, seconds until the first line and between lines
_MINUTE, _HOUR = 60, 3600


class BatchProgress:
    """Shows a tally on stderr while a batch runs."""

    def __init__(self, tally: Tally) -> None:
        from rich.progress import BarColumn, TextColumn

        self._tally = tally
        self._bar = output.progress(BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
        self._task = self._bar.add_task("", total=tally.total)
        self._next = time.monotonic() + FIRST

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self) -> None:
        """Show the tally as it is now; the summary at the end of the batch has the last line."""
        if not self._bar.disable:
            self._bar.update(self._task, completed=self._tally.done, description=line(self._tally))
        elif time.monotonic() >= self._next and self._tally.done < self._tally.total:
            self._next = time.monotonic() + PAUSE
            output.say(line(self._tally))


class Remarks:
    """Shows each message of the core once: it sends the same one for every line."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def say(self, remark: str) -> None:
        """Show a message, unless it was shown before or too many were."""
        if remark not in self._seen and len(self._seen) < MOST:
            self._seen.add(remark)
            output.say(remark)


def line(tally: Tally) -> str:
    """Lines done, lines per second, the estimated time left, failures and cost."""
    left = tally.total - tally.done
    parts = [f"{tally.done:,} of {tally.total:,}", f"{tally.rate:.1f}/s"]
    if left and tally.asked:
        parts.append(f"ETA {duration(left / tally.rate)}")
    parts.append(f"{tally.failed:,} failed")
    return ", ".join([*parts, *cost(tally)])


def cost(tally: Tally) -> list[str]:
    """What this run cost, and the number of answers of unknown price."""
    spent = [in_dollars(tally.dollars)] if tally.dollars or not tally.unpriced else []
    return [*spent, f"{tally.unpriced:,} of unknown price"] if tally.unpriced else spent


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    rounded = max(0, round(seconds))
    if rounded < _MINUTE:
        return f"{rounded} s"
    if rounded < _HOUR:
        return f"{rounded // _MINUTE} min {rounded % _MINUTE} s"
    return f"{rounded // _HOUR} h {rounded % _HOUR // _MINUTE} min"
