"""Which tests keep the workers waiting, and when that is told."""

from types import SimpleNamespace

import pytest
from parts.waiting import until

from samplemind_cli.testing.observer.samplemind_observer.stalls import TWICE, Stalls, stall


def report(nodeid, when):
    return SimpleNamespace(nodeid=nodeid, when=when)


@pytest.fixture
def stalls():
    said = []
    found = Stalls(0.01, said.append)
    found.said = said
    yield found
    found.pytest_sessionfinish()


def test_a_test_is_told_with_what_it_is_at(stalls):
    for name in "ab":
        stalls.pytest_runtest_logstart(name)
    stalls.pytest_runtest_logreport(report("a", "setup"))
    assert stall(stalls.running, 61.4).splitlines() == [
        "no test has moved on for 61 s; waiting: a, in the test itself; b, in its fixtures",
        f"hint: {TWICE}",
    ]
    stalls.pytest_runtest_logfinish("b")
    assert TWICE not in stall(stalls.running, 60)
    stalls.pytest_runtest_logreport(report("a", "call"))
    assert "a, in the tear-down of its fixtures" in stall(stalls.running, 60)
    stalls.pytest_runtest_logreport(report("unknown", "setup"))
    stalls.pytest_runtest_logfinish("a")
    assert stalls.running == {}


def test_of_many_tests_a_few_are_named():
    assert stall({str(n): "in its fixtures" for n in range(9)}, 60).count(", in its fixtures") == 4
    assert "and 5 more" in stall({str(n): "in its fixtures" for n in range(9)}, 60)


def test_each_stall_is_told_once_and_nothing_while_no_test_runs(stalls):
    stalls.pytest_sessionstart()
    for name in "ab":
        stalls.pytest_runtest_logstart(name)
        until(lambda: stalls.reported is stalls.running)
        stalls.pytest_runtest_logfinish(name)
    assert [words.partition("waiting: ")[2][0] for words in stalls.said] == ["a", "b"]
