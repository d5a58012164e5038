import pytest

from samplemind_cli.ai import limits
from samplemind_cli.ai.limits import FAILURES, OPEN, Breakers


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def broken(times=FAILURES):
    breakers = Breakers()
    for _ in range(times):
        breakers.failed("x")
    return breakers


def test_it_opens_after_failures_in_a_row_alone(clock):  # noqa: ARG001 - stops the clock
    assert broken(FAILURES - 1).state("x") == "closed"
    assert broken().enter("x") == OPEN
    one_answer = broken(FAILURES - 1)
    one_answer.answered("x")
    one_answer.failed("x")
    assert one_answer.enter("x") == 0.0


def test_one_probe_decides(clock):
    breakers = broken()
    clock[0] += OPEN
    assert breakers.state("x") == "half-open"
    assert breakers.enter("x") == 0.0
    assert breakers.enter("x") == OPEN  # a second one is not let in
    breakers.failed("x")
    assert breakers.state("x") == "open"

    clock[0] += OPEN
    breakers.enter("x")
    breakers.answered("x")

    assert breakers.state("x") == "closed"
