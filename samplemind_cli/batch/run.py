"""A batch from its first line to its last: so many at once, each result written down as it comes."""

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
    """What has become of a batch's lines. `before`: those that an earlier run answered; `failed` includes its failures.

    `unsure`: those that were under way when an earlier run was killed, which may be billed twice. `dollars` is what
    this run cost; `unpriced`: its answers whose price is not known.
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
        """As `--json` has it."""
        counts = asdict(self)
        seconds = time.monotonic() - counts.pop("began")
        return {**counts, "done": self.done, "seconds": round(seconds, 3), "dollars": round(self.dollars, 6)}


SYNC = 1.0  # seconds between the disk's being told to keep the results
Ask = Callable[[BatchLine], Awaitable[LineResult]]


async def _at_once() -> None:
    """Nobody has to wait."""


async def run(  # noqa: PLR0913 - what a batch needs
    lines: Iterator[BatchLine],
    results: Results,
    ask: Ask,
    *,
    jobs: int,
    tell: Callable[[LineResult], None],
    ended: Callable[[], bool] = lambda: False,
    turn: Callable[[], Awaitable[None]] = _at_once,
) -> None:
    """Answer every line that has no result yet, `jobs` at once, each when it is its `turn`; `tell` hears of each.

    Once it is to be `ended` no line is begun, and those under way come to their results; so too where one is over a
    budget, which then raises BudgetError. No more lines are in memory than are being asked. Raises OSError where the
    results cannot be written. A process that is killed loses the lines under way, a machine without power also those of
    the last second.
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
    all_told = asyncio.Event()
    syncing = asyncio.create_task(_sync(results, all_told))
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        all_told.set()
        await syncing
    if over:
        raise over[0]


async def _sync(results: Results, over: asyncio.Event) -> None:
    """Have the disk keep the results once a second, and once more when all is over."""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC):
                await over.wait()
        await asyncio.to_thread(results.sync)
