"""The load generator: closed loop (so many at once) or open loop (so many a second, however long they take)."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from samplemind_cli.ai.http_client import CONNECTIONS
from samplemind_cli.ai.types import Answer, Chunk
from samplemind_cli.bench import evidence
from samplemind_cli.bench.board import why
from samplemind_cli.bench.histogram import Histogram
from samplemind_cli.errors import SamplemindError

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
COLUMNS = ("MILLISECONDS", *(f"P{share * 100:g}" for share in QUANTILES))
TICK = 0.01  # seconds between two looks at how late our own event loop is
LATE = 0.02  # seconds: a loop that is this late measures itself
IN_FLIGHT = CONNECTIONS  # at most; who waits beyond that waits on the schedule


Ask = Callable[[int], AsyncGenerator[Chunk, None]]


@dataclass(slots=True)
class Load:
    """What a run showed. `scheduled` counts from when a request was due, `sent` from when it went out.

    In a closed loop both are the same: it asks less of whoever is slow, so that its tail says little (coordinated
    omission). `gaps` are the times between two parts of an answer, `lag` how late our own event loop was.
    """

    scheduled: Histogram = field(default_factory=Histogram)
    sent: Histogram = field(default_factory=Histogram)
    first_scheduled: Histogram = field(default_factory=Histogram)
    first_sent: Histogram = field(default_factory=Histogram)
    gaps: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    seconds: float = 0.0
    tokens: int = 0
    speaking: float = 0.0  # seconds from each first word to the end, summed over the answers that told their tokens
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def client_bound(self) -> bool:
        """Whether this process was too busy to measure anything but itself."""
        return self.lag.quantile(0.95) > LATE


async def closed(ask: Ask, connections: int, seconds: float) -> Load:
    """`connections` askers, each with its next question as soon as it is answered."""
    load, ends, number = Load(), time.perf_counter() + seconds, iter(range(2**62))

    async def asker() -> None:
        while (now := time.perf_counter()) < ends:
            await _one(load, ask, next(number), now)

    await _measured(load, asyncio.gather(*(asker() for _ in range(connections))))
    return load


async def opened(ask: Ask, rate: float, seconds: float) -> Load:
    """A question every 1/`rate` seconds."""
    load, slots = Load(), asyncio.Semaphore(IN_FLIGHT)

    async def asker(number: int, due: float) -> None:
        async with slots:
            await _one(load, ask, number, due)

    async def schedule() -> None:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(max(1, int(rate * seconds))):
                due = begun + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(asker(number, due))

    await _measured(load, asyncio.ensure_future(schedule()))
    return load


async def _measured(load: Load, running: "asyncio.Future[Any]") -> None:
    """Run to the end, watching how late this event loop is meanwhile."""
    begun = time.perf_counter()
    while not running.done():
        before = time.perf_counter()
        await asyncio.wait([running], timeout=TICK)
        late = time.perf_counter() - before - TICK
        if late > 0 or not running.done():
            load.lag.add(max(0.0, late))
    load.seconds = time.perf_counter() - begun
    await running


async def _one(load: Load, ask: Ask, number: int, due: float) -> None:
    sent = time.perf_counter()
    heard: list[float] = []
    answer = None
    try:
        async with aclosing(ask(number)) as chunks:
            async for chunk in chunks:
                answer = chunk.answer or answer
                if chunk.text:
                    heard.append(time.perf_counter())
    except SamplemindError as error:
        load.errors[why(error)] = load.errors.get(why(error), 0) + 1
        for histogram in (load.scheduled, load.sent, load.first_scheduled, load.first_sent):
            histogram.add(float("inf"))
        return
    _count(load, due, sent, heard, answer)


def _count(load: Load, due: float, sent: float, heard: list[float], answer: Answer | None) -> None:
    ended = time.perf_counter()
    load.scheduled.add(ended - due)
    load.sent.add(ended - sent)
    if not heard:
        return
    load.first_scheduled.add(heard[0] - due)
    load.first_sent.add(heard[0] - sent)
    for before, after in pairwise(heard):
        load.gaps.add(after - before)
    if answer and answer.usage.output_tokens and not answer.cached:
        load.tokens += answer.usage.output_tokens
        load.speaking += ended - heard[0]


def document(load: Load, how: str, asked: str) -> dict[str, Any]:
    """What `bench load --json` prints. Quantiles in seconds: null where there are too few for it, or failures."""
    return {
        "load": how,
        "asked": asked,
        "seconds": load.seconds,
        "requests": len(load.sent),
        "per_second": len(load.sent) / load.seconds,
        "failures": load.sent.failures,
        "errors": load.errors,
        "tokens_per_second": load.tokens / load.speaking if load.speaking else None,
        "client_bound": load.client_bound,
        "lag_p95": load.lag.quantile(0.95),
        "latency": {
            name: {"quantiles": quantiles(histogram), "microseconds": histogram.counts()}
            for name, histogram in (
                ("whole, from the schedule", load.scheduled),
                ("whole, from sending", load.sent),
                ("first word, from the schedule", load.first_scheduled),
                ("first word, from sending", load.first_sent),
                ("between words", load.gaps),
            )
        },
    }


def table(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Milliseconds of each quantile under COLUMNS, a line for each kind of latency."""
    return [
        (name, *("n/a" if value is None else f"{value * 1000:.1f}" for value in kind["quantiles"].values()))
        for name, kind in found["latency"].items()
        if kind["microseconds"]
    ]


def told(found: dict[str, Any]) -> list[str]:
    """What stands under the table."""
    speed = found["tokens_per_second"]
    lines = [
        f"{found['load']}, {found['asked']}",
        f"{found['requests']} requests in {found['seconds']:.1f} s: {found['per_second']:.1f} a second"
        + (f", {speed:.0f} tokens a second each" if speed else ""),
    ]
    lines += [f"{count} failed: {message}" for message, count in found["errors"].items()]
    if found["client_bound"]:
        lines.append(
            f"this process was the bottleneck (its event loop {found['lag_p95'] * 1000:.0f} ms late): no number counts"
        )
    return lines


def quantiles(histogram: Histogram) -> dict[str, float | None]:
    """Each of QUANTILES that so many values bound (P99 takes 368), in seconds; infinity becomes None."""
    found = {f"p{share * 100:g}": histogram.quantile(share) for share in QUANTILES}
    enough = {f"p{share * 100:g}" for share in QUANTILES if len(histogram) >= evidence.needed(share)}
    return {name: value if name in enough and value != float("inf") else None for name, value in found.items()}
