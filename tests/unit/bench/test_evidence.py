import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.bench import evidence

INFINITE = float("inf")


def noisy(count, factor=1.0, seed=7, sigma=0.1):
    """Durations that drift together in runs, as on a shared machine."""
    draw, level = random.Random(seed), 0.0
    for _ in range(count):
        level = 0.8 * level + draw.gauss(0, sigma)
        yield math.exp(level) * draw.gauss(1, 0.03), math.exp(level) * factor * draw.gauss(1, 0.03)


@pytest.mark.parametrize(("share", "count"), [(0.5, 6), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_a_quantile_is_bounded_from_above_by_enough_values_and_by_no_fewer(share, count):
    values = [float(i) for i in range(count)]

    assert evidence.needed(share) == count
    assert evidence.quantile_interval(values, share).high == count - 1
    assert evidence.quantile_interval(values[:-1], share).high is None


def test_the_bounds_are_those_of_the_binomial_distribution():
    # Hahn and Meeker's table of order statistics: n=100, 95 %, the median lies between the 40th and the 61st value.
    found = evidence.quantile_interval([float(i) for i in range(1, 101)], 0.5)

    assert (found.low, found.middle, found.high) == (40, 50, 61)


def test_the_interval_holds_the_true_median_nineteen_times_in_twenty():
    draw = random.Random(3)
    held = 0
    for _ in range(400):
        found = evidence.quantile_interval([draw.expovariate(1) for _ in range(30)], 0.5)
        held += found.low <= math.log(2) <= found.high

    assert 370 <= held <= 398


def test_failures_count_as_infinite_and_are_not_dropped():
    values = [1.0] * 90 + [INFINITE] * 10

    assert evidence.quantile(values, 0.5) == 1.0
    assert evidence.quantile(values, 0.95) == INFINITE


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_a_quantile_is_one_of_the_values_and_inside_its_bounds(values, share):
    found = evidence.quantile_interval(values, share)

    assert found.middle in values
    assert found.low is None or found.low <= found.middle
    assert found.high is None or found.middle <= found.high


def test_a_paired_ratio_sees_through_drift_that_hides_it_from_an_unpaired_one():
    pairs = list(noisy(80, 1.1))
    low, middle, high = evidence.paired_ratio(pairs)
    blind_low, _, blind_high = evidence.unpaired_ratio([a for a, _ in pairs], [b for _, b in pairs])

    assert 1.05 < low < middle < high < 1.15
    assert math.log(blind_high / blind_low) > 5 * math.log(high / low)


def test_what_is_a_tenth_slower_has_its_whole_interval_moved_by_a_tenth():
    same, slower = (evidence.paired_ratio(list(noisy(40, factor))) for factor in (1.0, 1.1))

    assert slower == pytest.approx([1.1 * bound for bound in same])


@pytest.mark.slow
def test_of_a_hundred_runs_the_same_code_is_worse_in_none_and_a_tenth_slower_in_nineteen_of_twenty(monkeypatch):
    monkeypatch.setattr(evidence, "RESAMPLES", 500)  # a fourth: it is no easier with fewer
    bounds = [evidence.paired_ratio(list(noisy(40, seed=seed))) for seed in range(100)]
    same = [evidence.judge(low, high) for low, _, high in bounds]
    slower = [evidence.judge(1.1 * low, 1.1 * high) for low, _, high in bounds]  # the test above says why

    assert same.count("worse") == 0
    assert same.count("no worse") > 60
    assert slower.count("worse") >= 95


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.04, 1.2, "worse"),
        (0.8, 0.95, "better"),
        (0.99, 1.02, "no worse"),
        (0.95, 1.01, "no worse"),
        (0.99, 1.08, "inconclusive"),
        (0.5, 2.0, "inconclusive"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side_of_the_margin(low, high, verdict):
    assert evidence.judge(low, high) == verdict


def test_the_smallest_visible_slowdown_is_what_two_equal_runs_differed_by():
    assert evidence.smallest_visible(0.8, 1.1) == pytest.approx(0.25)
    assert evidence.smallest_visible(0.99, 1.1) == pytest.approx(0.1)


def test_neighbours_stay_together_when_a_series_is_drawn_again():
    series = [float(i) for i in range(50)]
    drawn = evidence._redrawn(series, random.Random(1))()

    assert len(drawn) == 50
    assert sum(b - a == 1 for a, b in itertools.pairwise(drawn)) >= 40
