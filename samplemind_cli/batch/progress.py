"""How far a batch is: one line, redrawn on a terminal, and now and then a new one elsewhere."""

import time
from types import TracebackType
from typing import Self

from samplemind_cli import output
from samplemind_cli.batch.run import Tally
from samplemind_cli.budgets import in_dollars

MOST = 100  # different remarks that are passed on
FIRST, PAUSE = 2.0, 10.0  # seconds until the first line where nobody looks, and between lines
_MINUTE, _HOUR = 60, 3600


class BatchProgress:
    """Shows a tally on stderr while a batch runs."""

    def __init__(self, tally: Tally) -> None:
        from rich.progress import BarColumn, TextColumn

        self._tally = tally
        self._shown = output.progress(BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
        self._task = self._shown.add_task("", total=tally.total)
        self._next = time.monotonic() + FIRST

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()

    def show(self) -> None:
        """The tally as it is now."""
        if not self._shown.disable:
            self._shown.update(self._task, completed=self._tally.done, description=line(self._tally))
        elif (
            time.monotonic() >= self._next and self._tally.done < self._tally.total
        ):  # the last line is said at the end
            self._next = time.monotonic() + PAUSE
            output.say(line(self._tally))


class Remarks:
    """What the core has to say, each thing once: a thousand lines would hear it a thousand times."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, remark: str) -> None:
        """Pass a remark on, unless it was, or too many were."""
        if remark not in self._said and len(self._said) < MOST:
            self._said.add(remark)
            output.say(remark)


def line(tally: Tally) -> str:
    """Lines done, their rate, the time that the others will take, failures and cost."""
    left = tally.total - tally.done
    parts = [f"{tally.done:,} of {tally.total:,}", f"{tally.rate:.1f}/s"]
    if left and tally.asked:
        parts.append(f"ETA {duration(left / tally.rate)}")
    parts.append(f"{tally.failed:,} failed")
    return ", ".join([*parts, *cost(tally)])


def cost(tally: Tally) -> list[str]:
    """What this run cost, as far as it is known."""
    spent = [in_dollars(tally.dollars)] if tally.dollars or not tally.unpriced else []
    return [*spent, f"{tally.unpriced:,} of unknown price"] if tally.unpriced else spent


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
