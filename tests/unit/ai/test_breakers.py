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


def asked(breakers):
    """How long one has to wait; one that need not ends without a word."""
    with breakers.trial("x") as wait:
        return wait


def test_it_opens_after_failures_in_a_row_alone(clock):  # noqa: ARG001 - stops the clock
    assert broken(FAILURES - 1).state("x") == "closed"
    assert asked(broken()) == OPEN
    one_answer = broken(FAILURES - 1)
    one_answer.answered("x")
    one_answer.failed("x")
    assert asked(one_answer) == 0.0


def test_one_probe_decides(clock):
    breakers = broken()
    clock[0] += OPEN
    assert breakers.state("x") == "half-open"
    with breakers.trial("x") as wait:
        assert wait == 0.0
        assert asked(breakers) == OPEN  # a second one is not let in
        breakers.failed("x")
    assert breakers.state("x") == "open"

    clock[0] += OPEN
    with breakers.trial("x"):
        breakers.answered("x")

    assert breakers.state("x") == "closed"


def test_a_probe_that_ends_without_a_word_makes_room_after_as_long_as_it_took(clock):
    breakers = broken()
    clock[0] += OPEN

    with breakers.trial("x") as wait:
        assert wait == 0.0
        clock[0] += 0.25
    assert asked(breakers) == 0.25
    clock[0] += 0.25
    with pytest.raises(KeyError), breakers.trial("x"):
        raise KeyError
    assert breakers.state("x") == "half-open"

    with breakers.trial("x") as wait:
        assert wait == 0.0
        clock[0] += OPEN
    assert breakers.state("x") == "half-open"  # it had counted as failed by then


def test_only_the_probe_makes_room(clock):  # noqa: ARG001 - stops the clock
    breakers = Breakers()
    with breakers.trial("x"):  # from before it opened
        for _ in range(FAILURES):
            breakers.failed("x")

    assert asked(breakers) == OPEN


def test_it_opens_with_the_fifth_failure_for_fifteen_seconds(clock):
    breakers = broken(4)
    assert (breakers.state("x"), breakers.states()) == ("closed", {"x": "closed"})
    breakers.failed("x")
    assert breakers.states() == {"x": "open"}
    clock[0] += 14.9
    assert breakers.state("x") == "open"
    assert asked(breakers) == pytest.approx(0.1)
    clock[0] += 0.1
    assert breakers.state("x") == "half-open"


def test_a_failure_while_it_is_open_makes_it_wait_anew(clock):
    breakers = broken()
    clock[0] += 10
    breakers.failed("x")
    assert asked(breakers) == 15.0
