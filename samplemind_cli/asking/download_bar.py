"""Shows the embedded model's download: a bar on a terminal, a line at its start and end elsewhere."""

import sys
from typing import TYPE_CHECKING

from samplemind_cli import output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MB = 1_000_000


class DownloadBar:
    """A display, called with the bytes done and the total."""

    def __init__(self) -> None:
        self._bar: tuple[Progress, TaskID] | None = None
        self._announced = False

    def __call__(self, done: int, total: int) -> None:
        """Show the progress."""
        if not self._announced:
            self._announced = True
            output.say(f"fetching the embedded model once: {total / MB:.0f} MB")
        if output.on_terminal(sys.stderr):
            self._draw(done, total)
        elif done >= total:
            output.say("the embedded model is ready")

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

            bar = output.progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._bar = (bar, bar.add_task("", total=total))
            bar.start()
        bar, task = self._bar
        bar.update(task, completed=done)
        if done >= total:
            bar.stop()
