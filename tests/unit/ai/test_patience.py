import asyncio

import pytest

from samplemind_cli.ai.patience import LinkError, Patience, UnavailableError, silence, tried

PLACE = "api.example:443"


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """The waits between tries, none of which is waited for."""
    waits = []
    real = asyncio.sleep

    async def sleep(seconds, *_):
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waits


def run(failures, **patience):
    """What becomes of an attempt that fails so often as there are failures, and how often it was made."""
    waiting, made = list(failures), []

    async def attempt():
        made.append(1)
        if waiting:
            raise waiting.pop(0)
        return "answer"

    async def all_tries():
        left = patience.pop("left", None)
        deadline = None if left is None else asyncio.get_running_loop().time() + left
        return await tried(attempt, Patience(deadline=deadline, **patience))

    try:
        return asyncio.run(all_tries()), len(made)
    except UnavailableError as error:
        return error, len(made)


def again(wait=None):
    return UnavailableError("not now", again=True, wait=wait)


def test_an_answer_at_once_is_the_only_try(slept):
    assert (run([]), slept) == (("answer", 1), [])


def test_what_may_pass_is_tried_again_after_growing_waits(slept):
    told = []

    assert run([again(), again()], retried=lambda: told.append(1)) == ("answer", 3)
    assert len(told) == 2
    first, second = slept
    assert 1 <= first <= 2
    assert 2 <= second <= 3


def test_no_wait_is_longer_than_ten_seconds(slept):
    run([again()] * 9, attempts=10)
    assert max(slept) == 10


def test_what_will_not_pass_is_not_tried_again():
    failure = UnavailableError("no")
    assert run([failure]) == (failure, 1)


def test_the_last_failure_is_the_one_that_is_told():
    failures = [again(), again(), UnavailableError("the last")]
    assert run(failures) == (failures[2], 3)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_there_are_as_many_tries_as_were_asked_for(attempts):
    _, made = run([again()] * 5, attempts=attempts)
    assert made == attempts


def test_a_wait_that_the_server_asks_for_is_the_least(slept):
    run([again(wait=7.5)])
    assert slept == [7.5]


def test_a_wait_beyond_the_deadline_is_not_begun(slept):
    failure = again(wait=60)
    assert run([failure], left=30) == (failure, 1)
    assert slept == []


def test_another_error_is_raised_as_it_is():
    async def attempt():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        asyncio.run(tried(attempt, Patience()))


@pytest.mark.parametrize(
    ("link", "message", "facts"),
    [
        (LinkError("refused", connecting=True), f"{PLACE}: refused", (True, True, None)),
        (LinkError("", connecting=True, timed_out=True), f"{PLACE}: no answer within 5 s", (False, True, None)),
        (LinkError("", timed_out=True), f"{PLACE}: no answer within 30 s", (False, False, "server")),
        (LinkError("it broke"), f"{PLACE}: it broke", (False, False, "server")),
        (LinkError(""), f"{PLACE}: the connection broke", (False, False, "server")),
    ],
)
def test_a_connection_that_fails_is_told_by_how_far_it_came(link, message, facts):
    error = silence(PLACE, link, Patience())

    assert (error.refused, error.again, error.fault and error.fault.kind) == facts
    assert error.message == message


def test_what_does_not_run_on_this_machine_will_not_in_a_second():
    assert not silence("127.0.0.1:1", LinkError("refused", connecting=True), Patience()).again
    assert silence("127.0.0.1:1", LinkError("", connecting=True, timed_out=True), Patience()).again


@pytest.mark.parametrize(
    ("link", "blamed", "again"),
    [
        (LinkError("refused", connecting=True), True, True),
        (LinkError("407 No", proxy=True), True, False),
        (LinkError("it broke"), False, False),
    ],
)
def test_a_proxy_is_blamed_for_what_it_does(link, blamed, again):
    error = silence(PLACE, link, Patience(), "proxy.example:3128")

    assert ("(through the proxy proxy.example:3128)" in error.message) is blamed
    assert error.again is again
    assert not (blamed and error.refused)


@pytest.mark.parametrize(
    ("link", "may_cost"),
    [
        (LinkError("refused", connecting=True), False),
        (LinkError("", connecting=True, timed_out=True), False),
        (LinkError("", timed_out=True), True),
        (LinkError("it broke"), True),
    ],
)
def test_only_a_call_that_was_sent_may_cost_something(link, may_cost):
    assert silence(PLACE, link, Patience()).may_cost is may_cost


@pytest.mark.parametrize(("may_cost", "counted", "tries"), [(True, True, 1), (True, False, 2), (False, True, 2)])
def test_what_may_have_cost_something_is_not_tried_again_where_a_budget_counts(may_cost, counted, tries):
    _, made = run([UnavailableError("not now", again=True, may_cost=may_cost)], counted=counted)
    assert made == tries


def test_without_a_budget_every_failure_that_may_pass_is_tried_again():
    assert run([UnavailableError("not now", again=True, may_cost=True)]) == ("answer", 2)
    assert not UnavailableError("not now").may_cost
