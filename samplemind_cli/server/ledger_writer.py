"""Writes a server's ledger records: buffered, and appended off the event loop once a second."""

import asyncio
from collections import Counter

from samplemind_cli.ai import journal


class LedgerWriter:
    """Buffers records; a killed process loses at most those of its last second."""

    def __init__(self, book: journal.Journal) -> None:
        self._book = book
        self._told: list[bytes | journal.Record] = []
        self._repeated: Counter[bytes] = Counter()

    def add(self, record: journal.Record) -> None:
        """Note a call; what takes time to find out waits until it is written."""
        self._told.append(record if journal.FOUND_OUT in record else journal.line(record))

    def repeat(self, repetition: bytes) -> None:
        """Count an answer that was given again from memory."""
        if repetition:
            self._repeated[repetition] += 1

    def flush(self) -> None:
        """Append the buffered records, in a thread."""
        if told := self._taken():
            asyncio.get_running_loop().run_in_executor(None, self._write, told)

    def close(self) -> None:
        """Append the last records."""
        self._write(self._taken())

    def _write(self, told: list[bytes | journal.Record]) -> None:
        self._book.add_lines(b"".join(one if isinstance(one, bytes) else journal.line(one) for one in told))

    def _taken(self) -> list[bytes | journal.Record]:
        repeated = (journal.times(count, line) for line, count in self._repeated.items())
        told = [*self._told, *repeated]
        self._told.clear()
        self._repeated.clear()
        return told
