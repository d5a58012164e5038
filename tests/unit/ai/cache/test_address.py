"""Reading a Redis URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.cache.address import Address


@pytest.mark.parametrize(
    ("url", "shown", "handshake"),
    [
        ("redis://", "redis://localhost:6379/0", []),
        ("redis://10.0.0.1:6380/2", "redis://10.0.0.1:6380/2", [(b"SELECT", b"2")]),
        ("redis://h?db=3", "redis://h:6379/3", [(b"SELECT", b"3")]),
        ("redis://:secret@h", "redis://h:6379/0", [(b"AUTH", b"secret")]),
        ("redis://user:s%40cret@h", "redis://h:6379/0", [(b"AUTH", b"user", b"s@cret")]),
        ("rediss://[::1]:7000/0", "rediss://[::1]:7000/0", []),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1", [(b"SELECT", b"1")]),
        ("unix://user:secret@/run/r.sock", "unix:///run/r.sock?db=0", [(b"AUTH", b"user", b"secret")]),
    ],
)
def test_a_url_is_read(url, shown, handshake):
    address = Address.read(url)

    assert (str(address), address.handshake()) == (shown, handshake)


@pytest.mark.parametrize(
    "url", ["localhost:6379", "http://h", "redis://h:port", "redis://h/x", "unix://", "redis://[::1"]
)
def test_what_is_no_redis_url_is_a_value_error(url):
    with pytest.raises(ValueError, match=r"a (Redis|Sentinel) URL"):
        Address.read(url)


@given(st.text(min_size=6).map(lambda text: f"s3cret{text}"))
def test_no_url_leaks_its_password(password):
    try:
        address = Address.read(f"redis://user:{password}@host:x1/0")
    except ValueError as error:
        shown = str(error)
    else:
        shown = f"{address} {address!r}" if address.password else ""

    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("url", "shown", "read"),
    [
        (
            "redis+sentinel://u:s%40cret@a,b:1/mine/2?sentinel_password=other",
            "redis+sentinel://a:26379,b:1/mine/2",
            ("sentinel", (("a", 26379), ("b", 1)), "mine", 2, "u", "s@cret", "other"),
        ),
        (
            "rediss+cluster://[::1]:7000,b",
            "rediss+cluster://[::1]:7000,b:6379",
            ("cluster", (("::1", 7000), ("b", 6379)), "", 0, "", "", ""),
        ),
    ],
)
def test_a_url_of_several_is_read(url, shown, read):
    at = Address.read(url)

    assert str(at) == shown
    assert (at.kind, at.nodes, at.service, at.database, at.user, at.password, at.sentinel_password) == read
    assert at.tls == url.startswith("rediss")


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://a", "redis+cluster://a/mine", "redis+cluster://", "redis+other://a", "http+cluster://a",
        "redis+sentinel://a:x/mine", "redis+sentinel://a/mine/x", "redis+cluster://a,,b",
    ],
)  # fmt: skip
def test_what_is_no_url_of_several_is_a_value_error_without_the_password(url):
    with pytest.raises(ValueError, match=r"a (Redis|Sentinel) URL") as wrong:
        Address.read(url.replace("//", "//:s3cret@"))

    assert "s3cret" not in str(wrong.value)
