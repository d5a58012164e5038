import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.json_text import dumps, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_written_is_read_the_same(value):
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**40, -(10**400)])
def test_whole_numbers_keep_their_digits(number):
    text = f'{{"arguments": {{"id": {number}}}, "n": [{number},{number} , 1.5]}}'.encode()

    assert loads(text) == {"arguments": {"id": number}, "n": [number, number, 1.5]}
    assert loads(dumps({"id": number})) == {"id": number}


@pytest.mark.parametrize("number", ["0.1234567890123456789012", "12345678901234567890.5", "12345678901234567890e2"])
def test_other_numbers_are_floats_however_many_digits_they_have(number):
    assert loads(number.encode()) == float(number)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_json_has_not_spoils_nothing_beside_it(number):
    assert loads(f'{{"logprob": {number}, "text": "hi"}}'.encode()) == {"logprob": None, "text": "hi"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"a\\ud83d"', "a?"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'["\\ude00\\ud83d", 123456789012345678901234567890]', ["??", 123456789012345678901234567890]),
        (b'{"\\ud800": NaN}', {"?": None}),
        (b'"caf\xe9"', "caf\ufffd"),
        (b'"one\ntwo\tthree"', "one\ntwo\tthree"),
        (b"\xef\xbb\xbf[1]", [1]),
    ],
)
def test_text_that_json_forbids_is_read_with_what_can_be_kept_of_it(text, value):
    read = loads(text)

    assert read == value
    json.dumps(read, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{'a': 1}", b"nan", b"1 2", b"<html>", b"[" * 100_000, b"9" * 5000, b"\xff"]
)
def test_what_is_no_json_is_an_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the standard library words it
        loads(text)


@given(st.binary())
def test_whatever_the_bytes_are_there_is_a_value_or_a_value_error(text):
    try:
        value = loads(text)
    except ValueError:
        return
    assert not (isinstance(value, float) and not math.isfinite(value))


def test_half_an_emoji_is_sent_as_a_question_mark():
    assert dumps({"text": "a\ud800b", "n": 2**70}) == b'{"text": "a?b", "n": 1180591620717411303424}'
