import asyncio
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.limits import Cooldowns, RateLimits, retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
        ({"retry-after": "9" * 400}, 86_400.0),
        ({"retry-after-ms": "9" * 400}, 86_400.0),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers, seconds):
    assert retry_after(headers) == seconds


def test_an_http_date_is_seconds_from_now():
    wait = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})

    assert wait == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("left", "renewed", "seconds"),
    [
        ("0", "1s", 1.0),
        ("0", "6m0s", 360.0),
        ("0", "1h2m3.5s", 3723.5),
        ("0", "120ms", 0.12),
        ("0", "59.70", 59.7),
        ("0", "0", 0.0),
        ("0", "2001-01-01T00:00:00Z", 0.0),
        ("0", "978307200", 0.0),
        ("0", "978307200000", 0.0),
        ("0", "9999-12-31T23:59:59Z", 86_400.0),
        ("1", "6m0s", None),
        ("0", "soon", None),
        ("0", "", None),
        ("", "6m0s", None),
    ],
)
@pytest.mark.parametrize("name", ["x-ratelimit-{}-tokens", "X-RateLimit-{}", "anthropic-ratelimit-requests-{}"])
def test_a_limit_that_is_used_up_says_when_it_is_renewed(name, left, renewed, seconds):
    told = {name.format("remaining"): left, name.format("reset"): renewed}
    assert retry_after({name.lower(): value for name, value in told.items()}) == seconds
    assert retry_after({**{name.lower(): value for name, value in told.items()}, "retry-after": "7"}) == 7.0


def test_of_several_limits_that_are_used_up_the_last_to_be_renewed_counts():
    limits = {"requests": ("0", "1s"), "tokens": ("0", "9s"), "images": ("5", "99s")}
    told = {f"x-ratelimit-remaining-{name}": left for name, (left, _) in limits.items()}
    assert retry_after({**told, **{f"x-ratelimit-reset-{name}": reset for name, (_, reset) in limits.items()}}) == 9.0


@given(st.text())
def test_no_header_makes_it_fail(text):
    wait = retry_after(
        {"retry-after": text, "retry-after-ms": text, "x-ratelimit-remaining": "0", "x-ratelimit-reset": text}
    )

    assert wait is None or wait >= 0


def test_a_shorter_word_never_cuts_a_longer_cooldown():
    cooldowns = Cooldowns()
    cooldowns.start("x", 100)
    cooldowns.start("x", 1)

    assert cooldowns.left("x") > 90
    assert cooldowns.left("y") == 0


def test_a_full_minute_makes_the_next_call_wait():
    async def calls():
        limits = RateLimits()
        async with limits.slot("x", 1):
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), limits.slot("x", 1):
                pass
        async with limits.slot("y", 1):
            return "another provider is free"

    assert asyncio.run(calls()) == "another provider is free"


def test_no_limit_never_waits():
    async def calls():
        limits = RateLimits()
        for _ in range(100):
            async with asyncio.timeout(1), limits.slot("x", 0):
                pass

    asyncio.run(calls())
    assert retry_after({}) is None


def test_who_names_no_time_is_left_alone_for_five_seconds():
    cooldowns = Cooldowns()
    cooldowns.start("x", None)

    assert 4 < cooldowns.left("x") <= 5
