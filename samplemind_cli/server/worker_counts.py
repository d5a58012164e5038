"""Shares the counts of a server's workers."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson

from samplemind_cli import files
from samplemind_cli.server.metrics import Counts, Metrics


class WorkerCounts:
    """One file per worker in a shared folder; a dead worker's counts stay. A single worker needs none."""

    def __init__(self, folder: Path | None, metrics: Metrics) -> None:
        self._folder = folder
        self._own = folder / f"{os.getpid()}.json" if folder else None
        self._metrics = metrics

    def all(self) -> Iterator[Counts]:
        """Our own current counts, and the others' as last written."""
        yield self._metrics.counts
        for path in self._folder.glob("*.json") if self._folder else ():
            if path != self._own:
                yield _read(path.read_bytes())

    def write(self) -> None:
        """Write this worker's counts atomically."""
        if self._own:
            files.write(self._own, _written(self._metrics.counts))


def _written(counts: Counts) -> bytes:
    return orjson.dumps({name: list(values.items()) for name, values in counts.items()})


def _read(raw: bytes) -> Counts:
    return {
        name: Counter({tuple(map(tuple, labels)): value for labels, value in values})
        for name, values in orjson.loads(raw).items()
    }
