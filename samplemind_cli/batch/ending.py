"""Ends a batch early: gracefully at the first signal, at once at the second."""

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from samplemind_cli.child import ending_signals


class Ending:
    """Handles the signals that end a process within the block. True after the first one, which calls `notify`.

    The second cancels the current task. `signal`: the first one's number; 0: none was received.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self.signal = 0
        self._notify = notify
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.signal)

    def __enter__(self) -> Self:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in ending_signals():
            self._before[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self._on_signal, number, task)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, handler)

    def raise_again(self) -> None:
        """Raise the signal that was received, if any, with its handler from before the block."""
        if self.signal:
            signal.raise_signal(self.signal)

    def _on_signal(self, number: int, task: "asyncio.Task[Any] | None") -> None:
        if self.signal:
            if task:
                task.cancel()
            return
        self.signal = number
        self._notify()
