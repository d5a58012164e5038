"""Notes which lines of a batch were begun: of one that has no result, nobody knows whether the provider answered it."""

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
LARGEST = 100_000_000  # bytes: whoever made the folder may have put a larger file there


class Begun:
    """A file beside that of the answers, whose lock guards it too; it goes when no line is under way any more.

    Without room for it the batch runs as well, and the next run knows less.
    """

    def __init__(self, out: Path) -> None:
        self._path = os.path.realpath(out) + ENDING
        self._file = -1
        self._known: set[bytes] = set()
        with suppress(OSError):
            noted = trust.content(self._path, LARGEST)
            self._known = {noted[at : at + _SIZE] for at in range(0, len(noted), _SIZE)}

    def has(self, line: BatchLine) -> bool:
        """Whether an earlier run, which was killed, had begun the line."""
        return _note(line) in self._known

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = os.open(self._path, _FLAGS, 0o666)
        return self

    def noting(self, ask: Ask) -> Ask:
        """The same, which notes each line before it is asked."""

        def noted(line: BatchLine) -> Awaitable[LineResult]:
            if self._file >= 0:
                with suppress(OSError):
                    os.write(self._file, _note(line))
            return ask(line)

        return noted

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file < 0:
            return
        os.close(self._file)
        if kind is None or issubclass(kind, BudgetError):  # else lines under way were given up
            files.remove(self._path)


def _note(line: BatchLine) -> bytes:
    return digest(line.id).to_bytes(_SIZE)
