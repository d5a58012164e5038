"""What is seen while models come: one display on a terminal, a plain line now and then elsewhere."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from samplemind_cli.models.fit import gigabytes
from samplemind_cli.models.pull import Download

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

WINDOW = 10.0  # seconds over which a rate is taken
EVERY = 10.0  # seconds between plain lines of one model
TICK = 0.1  # seconds between two looks at the same display


class Rate:
    """Bytes per second of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Note how much has come; fewer than before means that it begins anew."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while self._seen[-1][0] - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    @property
    def value(self) -> float:
        """0 until two looks lie apart."""
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return (last - first) / (now - began) if now > began else 0.0


def progress_text(done: int, total: int | None, rate: float) -> str:
    """Like "1.2 of 3.4 GB, 20 MB/s, 1:50 left"."""
    parts = [f"{gigabytes(done)} of {gigabytes(total)}" if total else gigabytes(done)]
    if rate > 0:
        parts.append(f"{gigabytes(rate)}/s")
        if total:
            left = round((total - done) / rate)
            parts.append(f"{left // 60}:{left % 60:02} left")
    return ", ".join(parts)


def columns() -> "list[ProgressColumn]":
    """The display's columns: a model's name, a bar, how far it is."""
    from rich.progress import BarColumn, TextColumn

    return [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[text]}", markup=False),
    ]


class Board:
    """Shows every download it is told of, and all of them together. Without a terminal `say` gets a line at a time."""

    def __init__(self, display: "Progress", say: Callable[[str], None], models: int) -> None:
        self._display = display
        self._say = say
        self._models = models
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
        """Note how far a model is, and show it if that is news."""
        name, now = download.item.name, monotonic()
        self._downloads[name] = download
        rate = self._rates.setdefault(name, Rate())
        rate.add(now, download.done)
        phase, last = self._shown.get(name, ("", 0.0))
        if phase == download.phase and now - last < (EVERY if self._display.disable else TICK):
            return
        self._shown[name] = (download.phase, now)
        text: str = download.phase
        if download.phase == "trying again":
            text += f": {download.trouble}"
        elif download.phase == "pulling" and download.done:
            text = progress_text(download.done, download.total, rate.value)
        if self._display.disable:
            self._say(f"{name}: {text}")
        else:
            self._draw(name, text, download.done, download.total)
            self._draw_all()

    def _draw_all(self) -> None:
        if self._models < 2:  # noqa: PLR2004 - one model is all of them
            return
        downloads = self._downloads.values()
        totals = [download.total for download in downloads]
        total = sum(t for t in totals if t) if len(totals) == self._models and None not in totals else None
        done = sum(download.done for download in downloads)
        rate = sum(self._rates[download.item.name].value for download in downloads if download.phase == "pulling")
        self._draw("all", progress_text(done, total, rate), done, total)

    def _draw(self, name: str, text: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._display.add_task(name, total=total, text=text)
        self._display.update(self._tasks[name], completed=done, total=total, text=text)
