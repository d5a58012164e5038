"""What the groups make of what they measured, and how long they wait for it."""

import asyncio
import time

import pytest

from samplemind_cli.ai.types import Answer, Usage
from samplemind_cli.bench.board import OVER, BoardRun
from samplemind_cli.bench.rows import cache, providers
from samplemind_cli.errors import ProviderError, SamplemindError
from samplemind_cli.settings import Settings


@pytest.fixture
def quick(tmp_path):
    return BoardRun(Settings(), quick=True, folder=tmp_path, say=print)


def answers(seconds):
    """A provider whose answers are said to take so long."""

    async def call():
        await asyncio.sleep(0)
        return seconds

    return call


async def silence():
    await asyncio.sleep(60)


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 3), (2.5, 2), (5.0, 1)])
def test_a_quick_run_asks_slow_providers_less_often(quick, seconds, count):
    assert asyncio.run(providers._repeated(quick, answers(seconds), 3)) == [seconds] * count


def test_without_quick_a_slow_provider_is_asked_as_often_as_others(tmp_path):
    run = BoardRun(Settings(), quick=False, folder=tmp_path, say=print)

    assert asyncio.run(providers._repeated(run, answers(20.0), 10)) == [20.0] * 10


def test_a_provider_that_never_answers_is_left_in_time(quick, monkeypatch):
    monkeypatch.setattr(providers, "QUICK", 0.01)

    with pytest.raises(ProviderError, match="no answer within 0 s"):
        asyncio.run(providers._repeated(quick, silence, 3))


def test_no_provider_is_asked_when_the_time_of_a_quick_run_is_over(tmp_path):
    late = BoardRun(Settings(), quick=True, folder=tmp_path, say=print, ends=time.monotonic())

    with pytest.raises(SamplemindError, match=OVER):
        asyncio.run(providers._repeated(late, silence, 3))


def answer(*, cached):
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
    return Answer(parts=(), provider="x", model="x", key="x", finish_reason="stop", usage=usage, cached=cached)


def test_each_cached_answer_saves_what_its_tokens_cost():
    found = cache._dollars("claude-sonnet-5-5", [answer(cached=True)] * 2 + [answer(cached=False)])

    assert found.samples == (pytest.approx(2 * (3.00 + 1.50)),)
    assert found.note.startswith("at claude-sonnet-5-5's prices of")


def test_a_model_without_a_known_price_saves_no_made_up_dollars():
    found = cache._dollars("gpt-unheard-of", [answer(cached=True)])

    assert found.reason.startswith("the price of gpt-unheard-of is not in the table of ")
