"""Runs a batch: answers its lines concurrently and appends each result when it is ready."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from samplemind_cli.batch.answering import LineResult
from samplemind_cli.batch.lines import BatchLine
from samplemind_cli.batch.results import Results
from samplemind_cli.errors import BudgetError
from samplemind_cli.ledger.prices import Prices


@dataclass(slots=True)
class Tally:
    """Counts a batch's lines. `before`: answered by earlier runs; `failed` includes their failures.

    `unsure`: lines in flight when an earlier run was killed, which may be billed twice. `dollars`: what this
    run cost; `unpriced`: its answers of unknown price.
    """

    total: int
    before: int = 0
    unsure: int = 0
    asked: int = 0
    cached: int = 0
    failed: int = 0
    dollars: float = 0.0
    unpriced: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """Lines that are in the file of answers."""
        return self.before + self.asked

    @property
    def rate(self) -> float:
        """Lines per second in this run."""
        return self.asked / max(time.monotonic() - self.began, 1e-6)

    def add(self, result: LineResult, prices: Prices) -> None:
        """Count one more line."""
        self.asked += 1
        self.failed += result.failed
        self.cached += result.cached
        if not (result.failed or result.cached):
            cost = prices.dollars(result.provider, result.model, result.tokens)
            self.dollars += cost or 0.0
            self.unpriced += cost is None

    def as_json(self) -> dict[str, Any]:
        """The counts in `--json`."""
        counts = asdict(self)
        seconds = time.monotonic() - counts.pop("began")
        return {**counts, "done": self.done, "seconds": round(seconds, 3), "dollars": round(self.dollars, 6)}


SYNC = 1.0  # seconds between two flushes of the results to the disk
Ask = Callable[[BatchLine], Awaitable[LineResult]]


async def _no_wait() -> None:
    """Start a line at once."""


async def run(  # noqa: PLR0913 - what a batch needs
    lines: Iterator[BatchLine],
    results: Results,
    ask: Ask,
    *,
    jobs: int,
    tell: Callable[[LineResult], None],
    ended: Callable[[], bool] = lambda: False,
    turn: Callable[[], Awaitable[None]] = _no_wait,
) -> None:
    """Answer every line without a result, `jobs` at once, each after its `turn`; `tell` is called with each result.

    Once `ended` is true no line is started, and those in flight are finished; so too when one exceeds a budget, which
    then raises BudgetError. Only lines in flight are in memory. Raises OSError if the results cannot be written. A
    killed process loses the lines in flight, a loss of power also those of the last second.
    """
    over: list[BudgetError] = []

    async def work() -> None:
        for line in lines:  # all workers share it: each takes the next one
            if over or ended():
                return
            if results.has(line):
                continue
            await turn()
            if ended():
                return
            try:
                result = await ask(line)
            except BudgetError as error:
                over.append(error)
                return
            results.append(result.line)
            tell(result)

    workers = [asyncio.create_task(work()) for _ in range(jobs)]
    finished = asyncio.Event()
    syncing = asyncio.create_task(_sync(results, finished))
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        finished.set()
        await syncing
    if over:
        raise over[0]


async def _sync(results: Results, finished: asyncio.Event) -> None:
    """Flush the results to the disk once a second, and once more at the end."""
    while not finished.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC):
                await finished.wait()
        await asyncio.to_thread(results.sync)
