import asyncio
import random

import pytest

from samplemind_cli.ai.types import Answer, Chunk, Usage
from samplemind_cli.bench import load as loads
from samplemind_cli.bench.histogram import Histogram
from samplemind_cli.errors import ProviderError

INFINITE = float("inf")


def answered(tokens=None, cached=False):
    usage = Usage(output_tokens=tokens)
    return Chunk(
        answer=Answer(parts=(), provider="x", model="x", key="x", finish_reason="stop", usage=usage, cached=cached)
    )


def asking(pause=0.0, words=1, tokens=None, fail=lambda _: False):
    async def ask(number):
        if fail(number):
            raise ProviderError("no such luck")
        for _ in range(words):
            await asyncio.sleep(pause)
            yield Chunk(text="word")
        yield answered(tokens)

    return ask


def test_a_histogram_keeps_every_quantile_within_a_thousandth():
    draw = random.Random(5)
    values = sorted(draw.lognormvariate(-4, 2) for _ in range(5000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)

    assert len(histogram) == 5000
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        exact = values[int(share * 5000) - 1]
        assert histogram.quantile(share) == pytest.approx(exact, rel=0.001, abs=1e-6)


def test_its_size_does_not_grow_with_what_it_counts():
    histogram = Histogram()
    for microseconds in range(100_000):
        histogram.add(microseconds * 1e-6)

    assert len(histogram.counts()) < 2048 + 1024 * 6
    assert sum(histogram.counts().values()) == 100_000


def test_failures_are_the_slowest_of_all():
    histogram = Histogram()
    for value in [0.001] * 95 + [INFINITE] * 5:
        histogram.add(value)

    assert histogram.quantile(0.95) == 0.001
    assert histogram.quantile(0.96) == INFINITE
    assert loads.quantiles(histogram)["p95"] == 0.001
    assert loads.quantiles(histogram)["p99"] is None


@pytest.mark.parametrize(
    ("count", "known"),
    [
        (71, {"p50", "p90"}),
        (72, {"p50", "p90", "p95"}),
        (367, {"p50", "p90", "p95"}),
        (368, {"p50", "p90", "p95", "p99"}),
    ],
)
def test_a_tail_is_told_only_with_enough_answers(count, known):
    histogram = Histogram()
    for _ in range(count):
        histogram.add(0.01)

    assert {name for name, value in loads.quantiles(histogram).items() if value is not None} == known


def test_a_closed_loop_keeps_so_many_questions_open():
    running = most = 0

    async def ask(_number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        yield answered()

    found = asyncio.run(loads.closed_loop(ask, 3, 0.05))

    assert most == 3
    assert len(found.sent) >= 3


def test_an_open_loop_asks_on_while_the_server_stands_still():
    """One slot, which freezes once: whoever was due meanwhile waited, whatever the time since sending says."""
    slot = None

    async def ask(number):
        nonlocal slot
        slot = slot or asyncio.Lock()
        async with slot:
            await asyncio.sleep(0.3 if number == 5 else 0)
            yield Chunk(text="word")
        yield answered()

    found = asyncio.run(loads.open_loop(ask, 200, 0.4))

    assert len(found.scheduled) == 80
    assert found.scheduled.quantile(0.5) > 0.05
    assert found.scheduled.quantile(0.9) > 0.15


def test_waiting_for_a_free_place_counts_from_the_schedule_and_not_from_sending(monkeypatch):
    monkeypatch.setattr(loads, "IN_FLIGHT", 1)
    found = asyncio.run(loads.open_loop(asking(pause=0.005), 1000, 0.04))

    assert found.sent.quantile(0.5) < 0.1
    assert found.scheduled.quantile(0.9) > 2 * found.sent.quantile(0.9)
    assert found.first_scheduled.quantile(0.9) > 2 * found.first_sent.quantile(0.9)


def test_first_words_and_the_gaps_between_words_are_apart():
    found = asyncio.run(loads.closed_loop(asking(pause=0.01, words=4, tokens=40), 1, 0.03))

    assert 0.01 <= found.first_sent.quantile(0.5) < found.sent.quantile(0.5)
    assert len(found.gaps) == 3 * len(found.sent)
    assert found.tokens == 40 * len(found.sent)
    assert found.tokens / found.speaking < 1500  # 40 tokens in three gaps of at least 10 ms


def test_a_failure_is_counted_and_never_dropped():
    found = asyncio.run(loads.closed_loop(asking(fail=lambda number: not number % 2), 1, 0.02))
    told = loads.document(found, "closed", "x")

    assert told["failures"] == told["errors"]["no such luck"] > 0
    assert told["requests"] == len(found.scheduled)
    assert any("failed: no such luck" in line for line in loads.summary(told))


def test_a_client_that_is_busy_itself_says_so():
    async def ask(_number):
        import time

        await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - it holds the loop up on purpose
        yield answered()

    found = asyncio.run(loads.closed_loop(ask, 1, 0.2))

    assert found.client_bound
    assert asyncio.run(loads.closed_loop(ask, 1, 0.001)).client_bound  # also where the end comes before the first tick
    assert "no number counts" in loads.summary(loads.document(found, "closed", "x"))[-1]
