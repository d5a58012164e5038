"""The load generator: closed loop (N concurrent requests) or open loop (N requests per second)."""

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
TICK = 0.01  # seconds between two measurements of our event loop's lag
LATE = 0.02  # seconds of lag beyond which the loop measures itself
IN_FLIGHT = CONNECTIONS  # at most; the wait of further requests counts from their schedule


Ask = Callable[[int], AsyncGenerator[Chunk, None]]


@dataclass(slots=True)
class Load:
    """The latencies of a run: `scheduled` from when a request was due, `sent` from when it was sent.

    In a closed loop both are the same: it sends less to a slow server, so its tail says little (coordinated omission).
    `gaps`: between two chunks of an answer; `lag`: of our own event loop.
    """

    scheduled: Histogram = field(default_factory=Histogram)
    sent: Histogram = field(default_factory=Histogram)
    first_scheduled: Histogram = field(default_factory=Histogram)
    first_sent: Histogram = field(default_factory=Histogram)
    gaps: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    seconds: float = 0.0
    tokens: int = 0
    speaking: float = 0.0  # seconds from the first token to the end, summed over answers with a usage
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def client_bound(self) -> bool:
        """Whether this process was too busy to measure anything else."""
        return self.lag.quantile(0.95) > LATE


async def closed_loop(ask: Ask, connections: int, seconds: float) -> Load:
    """Run `connections` clients, each of which sends its next request after each answer."""
    load, ends, number = Load(), time.perf_counter() + seconds, iter(range(2**62))

    async def asker() -> None:
        while (now := time.perf_counter()) < ends:
            await _request(load, ask, next(number), now)

    await _watch(load, asyncio.gather(*(asker() for _ in range(connections))))
    return load


async def open_loop(ask: Ask, rate: float, seconds: float) -> Load:
    """Send a request every 1/`rate` seconds."""
    load, slots = Load(), asyncio.Semaphore(IN_FLIGHT)

    async def asker(number: int, due: float) -> None:
        async with slots:
            await _request(load, ask, number, due)

    async def schedule() -> None:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(max(1, int(rate * seconds))):
                due = started + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(asker(number, due))

    await _watch(load, asyncio.ensure_future(schedule()))
    return load


async def _watch(load: Load, loop: "asyncio.Future[Any]") -> None:
    """Wait for the end, and measure this event loop's lag meanwhile."""
    started = time.perf_counter()
    while not loop.done():
        before = time.perf_counter()
        await asyncio.wait([loop], timeout=TICK)
        late = time.perf_counter() - before - TICK
        if late > 0 or not loop.done():
            load.lag.add(max(0.0, late))
    load.seconds = time.perf_counter() - started
    await loop


async def _request(load: Load, ask: Ask, number: int, due: float) -> None:
    sent = time.perf_counter()
    arrivals: list[float] = []
    answer = None
    try:
        async with aclosing(ask(number)) as chunks:
            async for chunk in chunks:
                answer = chunk.answer or answer
                if chunk.text:
                    arrivals.append(time.perf_counter())
    except SamplemindError as error:
        load.errors[why(error)] = load.errors.get(why(error), 0) + 1
        for histogram in (load.scheduled, load.sent, load.first_scheduled, load.first_sent):
            histogram.add(float("inf"))
        return
    _count(load, due, sent, arrivals, answer)


def _count(load: Load, due: float, sent: float, arrivals: list[float], answer: Answer | None) -> None:
    ended = time.perf_counter()
    load.scheduled.add(ended - due)
    load.sent.add(ended - sent)
    if not arrivals:
        return
    load.first_scheduled.add(arrivals[0] - due)
    load.first_sent.add(arrivals[0] - sent)
    for before, after in pairwise(arrivals):
        load.gaps.add(after - before)
    if answer and answer.usage.output_tokens and not answer.cached:
        load.tokens += answer.usage.output_tokens
        load.speaking += ended - arrivals[0]


def document(load: Load, how: str, target: str) -> dict[str, Any]:
    """What `bench load --json` prints. Quantiles in seconds; null if there are too few answers, or failures."""
    return {
        "load": how,
        "asked": target,
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


def table(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The cells by COLUMNS: a line for each kind of latency, in milliseconds."""
    return [
        (name, *("n/a" if value is None else f"{value * 1000:.1f}" for value in kind["quantiles"].values()))
        for name, kind in result["latency"].items()
        if kind["microseconds"]
    ]


def summary(result: dict[str, Any]) -> list[str]:
    """The lines below the table."""
    speed = result["tokens_per_second"]
    lines = [
        f"{result['load']}, {result['asked']}",
        f"{result['requests']} requests in {result['seconds']:.1f} s: {result['per_second']:.1f} a second"
        + (f", {speed:.0f} tokens a second each" if speed else ""),
    ]
    lines += [f"{count} failed: {message}" for message, count in result["errors"].items()]
    if result["client_bound"]:
        lines.append(
            f"this process was the bottleneck (its event loop {result['lag_p95'] * 1000:.0f} ms late): no number counts"
        )
    return lines


def quantiles(histogram: Histogram) -> dict[str, float | None]:
    """Each of QUANTILES in seconds; None if infinite, or if there are too few values to bound it (P99 takes 368)."""
    values = {f"p{share * 100:g}": histogram.quantile(share) for share in QUANTILES}
    enough = {f"p{share * 100:g}" for share in QUANTILES if len(histogram) >= evidence.needed(share)}
    return {name: value if name in enough and value != float("inf") else None for name, value in values.items()}
