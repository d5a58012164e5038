"""Writes a server's ledger records: buffered, and appended off the event loop once a second."""

import asyncio
from collections import Counter

from samplemind_cli.ai import journal


class LedgerWriter:
    """Buffers records; a killed process loses at most those of its last second."""

    def __init__(self, book: journal.Journal) -> None:
        self._book = book
        self._records: list[bytes | journal.Record] = []
        self._repeated: Counter[bytes] = Counter()

    def add(self, record: journal.Record) -> None:
        """Add a call; facts that take time to find out are looked up when it is written."""
        self._records.append(record if journal.FOUND_OUT in record else journal.line(record))

    def repeat(self, repetition: bytes) -> None:
        """Count an answer that was repeated from memory."""
        if repetition:
            self._repeated[repetition] += 1

    def flush(self) -> None:
        """Append the buffered records, in a thread."""
        if records := self._take():
            asyncio.get_running_loop().run_in_executor(None, self._write, records)

    def close(self) -> None:
        """Append the last records."""
        self._write(self._take())

    def _write(self, records: list[bytes | journal.Record]) -> None:
        self._book.add_lines(b"".join(one if isinstance(one, bytes) else journal.line(one) for one in records))

    def _take(self) -> list[bytes | journal.Record]:
        repeated = (journal.times(count, line) for line, count in self._repeated.items())
        records = [*self._records, *repeated]
        self._records.clear()
        self._repeated.clear()
        return records
