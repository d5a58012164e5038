import pytest

from samplemind_cli.server.client_keys import ClientKey
from samplemind_cli.server.message import HttpError
from samplemind_cli.server.quotas import Quotas


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def quotas(tmp_path, clock):
    return Quotas(tmp_path, clock)


def taken(quotas, key, most=1000):
    """How many requests are let through at once, and the seconds that the next one is told."""
    for count in range(most):
        try:
            quotas.take(key)
        except HttpError as refused:
            return count, round(refused.wait, 6)
    return most, None


def test_a_minutes_requests_may_come_at_once_and_then_as_time_passes(quotas, clock):
    key = ClientKey("ci", "d", rpm=6)

    assert taken(quotas, key) == (6, 10)
    clock.now += 10
    assert taken(quotas, key) == (1, 10)
    clock.now += 3600
    assert taken(quotas, key)[0] == 6


def test_a_refusal_is_what_clients_know_to_wait_for(quotas):
    key = ClientKey("ci", "d", rpm=1)
    quotas.take(key)

    with pytest.raises(HttpError, match="ci: the 1 requests per minute are used up") as refused:
        quotas.take(key)
    assert (refused.value.status, refused.value.code) == (429, "rate_limit_exceeded")


def test_what_is_refused_costs_nothing(quotas, clock):
    key = ClientKey("ci", "d", rpm=1)
    taken(quotas, key)
    for _ in range(50):
        taken(quotas, key)

    clock.now += 60
    assert taken(quotas, key)[0] == 1


def test_tokens_count_when_they_are_known(quotas, clock):
    key = ClientKey("ci", "d", tpm=100)

    quotas.take(key)
    quotas.spend(key, 250)
    assert taken(quotas, key) == (0, 90)
    clock.now += 91
    assert taken(quotas, key, 3) == (3, None)


def test_requests_that_wait_for_tokens_use_up_no_requests(quotas, clock):
    key = ClientKey("ci", "d", rpm=2, tpm=100)
    quotas.spend(key, 110)
    for _ in range(9):
        assert taken(quotas, key) == (0, 6)

    clock.now += 7
    assert taken(quotas, key)[0] == 2


def test_all_workers_count_together_and_each_client_for_itself(tmp_path, clock):
    key = ClientKey("ci", "d", rpm=4)

    assert taken(Quotas(tmp_path, clock), key)[0] == 4
    assert taken(Quotas(tmp_path, clock), key)[0] == 0
    assert taken(Quotas(tmp_path, clock), ClientKey("other", "e", rpm=4))[0] == 4


def test_who_has_no_limit_is_not_counted(tmp_path, clock):
    assert taken(Quotas(tmp_path, clock), ClientKey("ci", "d")) == (1000, None)
    assert not list(tmp_path.iterdir())
