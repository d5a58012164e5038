import pytest

from samplemind_cli.ai.types import Usage
from samplemind_cli.bench.rows.cache import dollars
from samplemind_cli.bench.workload import Zipf, ideal_hit_rate, prompt


def test_the_ideal_cache_misses_each_prompt_once():
    assert ideal_hit_rate([1, 2, 1, 1]) == 0.5
    assert ideal_hit_rate([7]) == 0


@pytest.mark.parametrize(("skew", "low", "high"), [(0.0, 0.54, 0.60), (1.0, 0.73, 0.79), (1.2, 0.80, 0.86)])
def test_skew_decides_what_any_cache_can_reach(skew, low, high):
    assert low < ideal_hit_rate(Zipf(skew=skew).sequence()) < high


def test_a_workload_is_the_same_every_time_and_its_name_says_which_it_is():
    assert Zipf().sequence() == Zipf().sequence() != Zipf(seed=2).sequence()
    assert Zipf().name == "Zipf s=1, 1000 prompts, 2000 requests, seed 1"


def test_the_most_popular_prompt_is_asked_twice_as_often_as_the_second():
    sequence = Zipf(requests=20_000).sequence()

    assert 1.7 < sequence.count(0) / sequence.count(1) < 2.3


def test_prompts_differ_and_stay_as_they_are():
    assert len({prompt(number) for number in range(1000)}) == 1000
    assert prompt(3) == prompt(3)


def test_an_answer_costs_its_tokens():
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)

    assert dollars("claude-sonnet-5-5", usage) == pytest.approx(4.5)


@pytest.mark.parametrize(("model", "usage"), [("no-such-model", Usage(1, 1)), ("gpt-6-luna", Usage(1, None))])
def test_what_is_not_known_costs_none_rather_than_nothing(model, usage):
    assert dollars(model, usage) is None
