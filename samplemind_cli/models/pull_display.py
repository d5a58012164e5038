"""Shows downloads: a live display on a terminal, occasional plain lines elsewhere."""

import sys
from collections import deque
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from samplemind_cli import output
from samplemind_cli.models.fit import gigabytes
from samplemind_cli.models.pull import Download

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

WIDE = 90  # columns of a terminal with room for a bar and whole numbers
WINDOW = 10.0  # seconds over which a rate is measured
EVERY = 10.0  # seconds between plain lines of one model
TICK = 0.1  # seconds between updates of the display


class Rate:
    """Recent bytes per second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Add a measurement in seconds and bytes; the first bytes do not count, and fewer than before start over."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        if done:
            self._seen.append((now, done))
        while self._seen and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    @property
    def value(self) -> float:
        """Bytes per second; 0 before two measurements at different times."""
        if not self._seen:
            return 0.0
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return (last - first) / (now - began) if now > began else 0.0


def progress_text(done: int, total: int | None, rate: float, *, short: bool = False) -> str:
    """Progress such as "1.2 GB of 3.4 GB, 20 MB/s, 1:50 left", or short "35% 20 MB/s 1:50"."""
    parts = [f"{gigabytes(done)} of {gigabytes(total)}" if total else gigabytes(done)]
    if short and total:
        parts = [f"{100 * done // total}%"]
    if rate > 0:
        parts.append(f"{gigabytes(rate)}/s")
        if total:
            seconds = round((total - done) / rate)
            parts.append(f"{seconds // 60}:{seconds % 60:02}{'' if short else ' left'}")
    return (" " if short else ", ").join(parts)


class PullDisplay:
    """Shows every download, and their sum; without a terminal, line by line."""

    def __init__(self) -> None:
        self._live = output.on_terminal(sys.stderr)
        width = output.console(sys.stderr).width
        self._short = width < WIDE
        self._display = output.progress(*_columns(width))
        self._downloads: dict[str, Download] = {}
        self._rates: dict[str, Rate] = {}
        self._tasks: dict[str, TaskID] = {}
        self._shown: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._display.stop()

    def show(self, download: Download) -> None:
        """Update a model's progress, and show it unless it was shown just now."""
        name, now = download.item.name, monotonic()
        self._downloads[name] = download
        self._rates.setdefault(name, Rate()).add(now, download.done)
        phase, last = self._shown.get(name, ("waiting", 0.0))
        if phase == download.phase and now - last < (TICK if self._live else EVERY):
            return
        self._shown[name] = (download.phase, now)
        if self._live:
            self._draw(name, self._text(download), download.done, download.total)
            self._draw_all()
        elif download.phase != "waiting":
            output.say(f"{name}: {self._text(download)}")

    def _text(self, download: Download) -> str:
        if download.phase == "trying again":
            return f"trying again: {download.trouble}"
        if download.phase != "pulling" or not download.done:
            return download.phase
        rate = self._rates[download.item.name].value
        return progress_text(download.done, download.total, rate, short=self._short)

    def _draw_all(self) -> None:
        downloads = self._downloads.values()
        if len(downloads) == 1:
            return
        totals = [download.total for download in downloads]
        total = None if None in totals else sum(total or 0 for total in totals)
        done = sum(download.done for download in downloads)
        rate = sum(self._rates[download.item.name].value for download in downloads if download.phase == "pulling")
        self._draw("all", progress_text(done, total, rate, short=self._short), done, total)

    def _draw(self, name: str, text: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._display.add_task(name, total=total, text=text)
        self._display.update(self._tasks[name], completed=done, total=total, text=text)


def _columns(width: int) -> "list[ProgressColumn]":
    """A model's name, a bar if there is room, its progress."""
    from rich.progress import BarColumn, TextColumn
    from rich.table import Column

    name = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=max(8, width - 22))
    )
    text = TextColumn("{task.fields[text]}", markup=False, table_column=Column(no_wrap=True))
    return [name, *([BarColumn(bar_width=20)] if width >= WIDE else []), text]
