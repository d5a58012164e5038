import time

import pytest

from samplemind_cli.batch import progress
from samplemind_cli.batch.run import Tally


def tally(**values):
    return Tally(10_000, began=time.monotonic() - 10, **values)


def test_the_line_says_how_far_how_fast_how_long_what_failed_and_what_it_cost():
    line = progress.line(tally(before=100, asked=900, failed=3, dollars=1.234))

    assert line.startswith("1,000 of 10,000, ")
    assert line.endswith("/s, ETA 1 min 40 s, 3 failed, $1.23")


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({"dollars": 0.000044}, "$0.000044"),
        ({"dollars": 0.0}, "$0.00"),
        ({"unpriced": 5}, "failed, 5 of unknown price"),
        ({"dollars": 2, "unpriced": 5}, "$2.00, 5 of unknown price"),
    ],
)
def test_a_cost_that_is_not_known_is_not_said(values, end):
    assert progress.line(tally(asked=9, **values)).endswith(end)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_said_as_people_read_them(seconds, said):
    assert progress.duration(seconds) == said


def test_what_the_core_says_again_and_again_is_said_once(capsys):
    remarks = progress.Remarks()
    for remark in ("a", "b", "a"):
        remarks.say(remark)

    assert capsys.readouterr().err == "a\nb\n"
