"""Writes a server's ledger records: buffered, and appended off the event loop once a second."""

import asyncio
from collections import Counter

from samplemind_cli.ai import journal


class LedgerWriter:
    """Buffers records; a killed process loses at most those of its last second."""

    def __init__(self, book: journal.Journal) -> None:
        self._book = book
        self._lines: list[bytes] = []
        self._repeated: Counter[bytes] = Counter()

    def add(self, record: journal.Record) -> None:
        """Add a call's record."""
        self._lines.append(journal.line(record))

    def repeat(self, repetition: bytes) -> None:
        """Count an answer that was given again from memory."""
        if repetition:
            self._repeated[repetition] += 1

    def flush(self) -> None:
        """Append the buffered records, in a thread."""
        if lines := self._taken():
            asyncio.get_running_loop().run_in_executor(None, self._book.add_lines, lines)

    def close(self) -> None:
        """Append the last records."""
        self._book.add_lines(self._taken())

    def _taken(self) -> bytes:
        repeated = [journal.times(count, line) for line, count in self._repeated.items()]
        lines = b"".join((*self._lines, *repeated))
        self._lines.clear()
        self._repeated.clear()
        return lines
