"""How a batch ends before its last line: in order at the first signal, at once at the second."""

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from samplemind_cli.child import ending_signals


class Ending:
    """Within it the signals that end a process are heard: after the first no line is begun, and `tell` is called.

    The second cancels the task that is within. `signal` is the first one, 0: none came.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.signal = 0
        self._tell = tell
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.signal)

    def __enter__(self) -> Self:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in ending_signals():
            self._before[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self._heard, number, task)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, handler)

    def raise_again(self) -> None:
        """What the signal does to a process that is not in the middle of a batch."""
        if self.signal:
            signal.raise_signal(self.signal)

    def _heard(self, number: int, task: "asyncio.Task[Any] | None") -> None:
        if self.signal:
            if task:
                task.cancel()
            return
        self.signal = number
        self._tell()
