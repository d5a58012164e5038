"""Records which lines of a batch were sent: after a crash, one without a result may have been answered and billed."""

import os
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from samplemind_cli import files, trust
from samplemind_cli.batch.answering import LineResult
from samplemind_cli.batch.lines import BatchLine, digest
from samplemind_cli.batch.run import Ask
from samplemind_cli.errors import BudgetError

ENDING = ".begun"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_SIZE = 8  # bytes of a digest
LARGEST = 100_000_000  # bytes; another user may have put a larger file there


class InFlight:
    """A file beside the file of answers, whose lock protects it too; it is removed when no line is in flight.

    If it cannot be written, the batch runs without it.
    """

    def __init__(self, out: Path) -> None:
        self._path = os.path.realpath(out) + ENDING
        self._file = -1
        self._digests: set[bytes] = set()
        with suppress(OSError):
            content = trust.content(self._path, LARGEST)
            self._digests = {content[at : at + _SIZE] for at in range(0, len(content), _SIZE)}

    def has(self, line: BatchLine) -> bool:
        """Whether an earlier run, which was killed, had sent the line."""
        return _digest(line) in self._digests

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = os.open(self._path, _FLAGS, 0o666)
        return self

    def recording(self, ask: Ask) -> Ask:
        """A function like `ask` that records each line before it is sent."""

        def record_and_ask(line: BatchLine) -> Awaitable[LineResult]:
            if self._file >= 0:
                with suppress(OSError):
                    os.write(self._file, _digest(line))
            return ask(line)

        return record_and_ask

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file < 0:
            return
        os.close(self._file)
        if kind is None or issubclass(kind, BudgetError):  # else lines in flight were abandoned
            files.remove(self._path)


def _digest(line: BatchLine) -> bytes:
    return digest(line.id).to_bytes(_SIZE)
