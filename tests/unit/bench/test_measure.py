import asyncio
import sys

import pytest

from samplemind_cli.bench import measure
from samplemind_cli.errors import SamplemindError


def test_every_round_runs_every_step_once_and_values_of_a_round_share_a_place():
    ran = []
    times = measure.interleaved({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 10)

    assert {name: len(values) for name, values in times.items()} == {"a": 10, "b": 10}
    assert all(set(ran[i : i + 2]) == {"a", "b"} for i in range(0, 20, 2))


def test_an_order_is_followed_by_its_reverse_so_that_drift_cancels_out():
    orders = measure.orders("ab", 40)

    assert all(second == first[::-1] for first, second in zip(orders[::2], orders[1::2], strict=True))
    assert {tuple(order) for order in orders[::2]} == {("a", "b"), ("b", "a")}


def test_when_time_is_up_it_ends_with_the_least_number_of_rounds():
    assert len(measure.interleaved({"a": int}, 1000, seconds=0, least=7)["a"]) == 7
    assert len(measure.interleaved({"a": int}, 1000, seconds=0)["a"]) == 6  # as many as bound a median


def test_coroutines_are_timed_per_call():
    calls = []

    async def step():
        calls.append(1)

    times = asyncio.run(measure.interleaved_async({"a": step, measure.WORK: measure.work}, 5, calls=4))

    assert len(calls) == 20
    assert len(times["a"]) == len(times[measure.WORK]) == 5


def test_a_command_that_fails_measures_nothing_and_says_what_it_said():
    failing = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]

    with pytest.raises(SamplemindError, match="ended with 1"):
        measure.command(failing, {})()
    with pytest.raises(SamplemindError, match="no such luck"):
        measure.rehearse(failing, {})


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(SamplemindError, match="cannot start no-such-program"):
        measure.rehearse(["no-such-program"], {})
