import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from samplemind_cli.ai.keys import REMOVED, removed_from_errors, without_keys
from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.types import Call, Fault
from samplemind_cli.errors import CutStreamError

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8)
HEADERS = st.sampled_from(["authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "x-auth-token"])
KEY = 'to/ps+ecret"team&token='


def call(header="authorization", key=KEY, url="https://api.example/v1"):
    return Call(url, {}, {header: f"Bearer {key}" if header == "authorization" else key, "content-type": "a/json"})


@given(HEADERS, KEYS, st.sampled_from(["plain", "url", "plus", "base64", "url64", "json", "slashes", "html", "lower"]))
@example("x-api-key", "0" * 8, "base64")
def test_no_way_of_writing_a_key_is_told(header, key, way):
    data = key.encode()
    written = {
        "plain": key,
        "url": quote(key, safe=""),
        "plus": quote_plus(key),
        "base64": b64encode(data).decode(),
        "url64": urlsafe_b64encode(data).decode(),
        "json": json.dumps(key)[1:-1],
        "slashes": key.replace("/", "\\/"),
        "html": html.escape(key),
        "lower": key.lower(),
    }[way]
    assume(written not in "the  is wrong")

    told = without_keys(f"the [{written}] is wrong", call(header, key))

    assert written not in told
    assert told.startswith("the ")
    assert told.endswith("is wrong")


@pytest.mark.parametrize("before", ["", "a", "ab", "user:", "Bearer "])
def test_a_key_inside_of_a_longer_text_in_base64_is_not_told(before):
    text = b64encode(f"{before}{KEY} and more".encode()).decode()

    told = without_keys(text, call())

    assert told.count(REMOVED) == 1
    beside = len(text) - len(b64encode(KEY.encode())) + 4  # two letters of the key's own before and after
    assert len(told) <= beside + len(REMOVED)


@given(KEYS, st.integers(min_value=8, max_value=30), st.sampled_from(["***", "@@", " ", "xyz"]))
def test_eight_characters_of_a_key_in_a_row_are_not_told(key, length, mask):
    for part in (key[:length], key[-length:]):
        if len(part) >= 8:
            assert part not in without_keys(f"'{part}{mask}'", call(key=key))


def test_a_part_too_short_to_be_of_use_is_told():
    assert without_keys("ends in oken=, begins with to/ps", call()) == "ends in oken=, begins with to/ps"


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("k", "no such key: k", "no such key: [key]"),
        ("mock", "no key mock, (mock)", "no key [key], ([key])"),
        ("hunter2", "xhunter2x", "x[key]x"),
        ("", "Bearer is wrong", "Bearer is wrong"),
        ("abcdefgh", "abcdefgh abcdefghabcdefgh", "[key] [key]"),
        ("two words", "it is two words", "it is [key]"),
    ],
)
def test_a_key_of_any_length_is_removed_and_nothing_else(key, text, told):
    assert without_keys(text, call(key=key)) == told
    assert without_keys(text, call("x-api-key", key)) == told


def test_a_key_in_an_address_and_a_login_are_removed():
    login = b64encode(b"me:passphrase").decode()
    url = "https://someone:wordofmouth@api.example/v1?api_key=querykey1&alt=sse"
    asked = Call(url, {}, {"Authorization": f"Basic {login}"})

    told = without_keys(f"{login} passphrase someone wordofmouth querykey1 sse", asked)

    assert told == "[key] [key] [key] [key] [key] sse"


def test_words_that_are_no_keys_stay():
    asked = Call(
        "https://api.example/v1?alt=sse", {}, {"anthropic-version": "2023-06-01", "content-type": "text/plain"}
    )

    assert without_keys("sse 2023-06-01 text/plain", asked) == "sse 2023-06-01 text/plain"


def test_no_error_that_is_raised_tells_the_key():
    fault = Fault("auth", f"wrong: {KEY}")
    for error in (UnavailableError(f"wrong: {KEY}", fault=fault), CutStreamError(f"wrong: {KEY}", "ask again")):
        with pytest.raises(type(error), match=r"^wrong: \[key\]$") as raised, removed_from_errors(call()):
            raise error
        assert raised.value.message == "wrong: [key]"
        assert KEY not in repr(raised.value)
        assert KEY not in str(getattr(raised.value, "fault", ""))
