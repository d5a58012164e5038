"""Names and envelopes."""

import json
import time
from enum import StrEnum
from types import MappingProxyType

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.cache import cache_key, prompt_fingerprint
from samplemind_cli.ai.cache.entry import LONGEST, SKEW, VERSION, Entry, decode, encode

ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates included
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=12
)
PAYLOADS = st.dictionaries(ANY_TEXT, DOCUMENTS, max_size=5)
NOW = 1_800_000_000.0
SHAPE = {"version": 3, "key": "k", "stored": NOW, "expires": NOW + 60, "value": "x"}


def turned(document):
    """The same document with every object's keys in the other order."""
    if isinstance(document, dict):
        return {key: turned(document[key]) for key in reversed(document)}
    return [turned(item) for item in document] if isinstance(document, list) else document


@given(PAYLOADS)
def test_the_order_of_keys_does_not_matter(payload):
    assert prompt_fingerprint(payload) == prompt_fingerprint(turned(payload))


@given(PAYLOADS, PAYLOADS)
def test_different_payloads_differ(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (prompt_fingerprint(one) == prompt_fingerprint(other)) == same


@given(st.dictionaries(SCALARS, DOCUMENTS, max_size=5))
def test_keys_that_are_no_strings_do_not_crash_and_their_order_does_not_matter(payload):
    assert prompt_fingerprint(payload) == prompt_fingerprint(turned(payload))


def test_the_fingerprint_is_the_published_one():
    assert prompt_fingerprint({"b": 1, "a": "ä"}) == blake3.blake3('{"a":"ä","b":1}'.encode()).hexdigest()


def test_a_key_that_is_no_string_counts_as_its_json_text():
    assert prompt_fingerprint({1: "a", "1": "b"}) == prompt_fingerprint({"1": "b", 1: "a"})
    assert prompt_fingerprint({1: "a", "1": "b"}) != prompt_fingerprint({1: "b", "1": "a"})


def test_a_mapping_counts_as_the_dict_it_is():
    assert prompt_fingerprint(MappingProxyType({"a": MappingProxyType({"b": 1})})) == prompt_fingerprint(
        {"a": {"b": 1}}
    )


def test_a_lone_surrogate_and_its_written_escape_differ():
    assert prompt_fingerprint({"a": "\ud800"}) != prompt_fingerprint({"a": "\\ud800"})


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_no_json_document_holds_is_a_type_error(value):
    with pytest.raises(TypeError):
        prompt_fingerprint({"a": value})


def test_a_key_names_the_provider():
    provider = StrEnum("Provider", {"CLAUDE": "anthropic"}).CLAUDE

    assert cache_key(provider, {"a": 1}) == f"ai:v3:anthropic:{prompt_fingerprint({'a': 1})}"


@given(st.text(st.characters()), DOCUMENTS)
def test_what_is_encoded_is_decoded(key, value):
    found = decode(encode(Entry(key, NOW, NOW + 60, value)))

    # Two surrogates that make a pair are read as the letter they mean, here and by every JSON reader.
    assert (found.key, found.value) == (json.loads(json.dumps(key)), json.loads(json.dumps(value)))


def test_a_number_beyond_64_bits_does_not_crash():
    assert prompt_fingerprint({"a": 2**64}) != prompt_fingerprint({"a": 2**64 + 1})
    assert decode(encode(Entry("k", NOW, NOW + 60, 2**70))).value == 2**70


@given(st.binary(max_size=300))
def test_noise_is_no_entry(raw):
    assert decode(raw, "k") is None


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_a_damaged_entry_is_none_or_well_formed(at, damage):
    raw = encode(Entry("k", NOW, NOW + 60, {"text": "word " * 5, "n": 3}))
    at %= len(raw)

    found = decode(raw[:at] + damage + raw[at + len(damage) :], "k")

    assert found is None or (found.key == "k" and found.expires - found.stored <= LONGEST)


@given(st.integers(min_value=0))
def test_a_cut_entry_is_none(length):
    raw = encode(Entry("k", NOW, NOW + 60, {"text": "\ud800"}))

    assert decode(raw[: length % len(raw)], "k") is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": VERSION + 1},
        {"version": None},
        {"key": "another"},
        {"key": None},
        {"stored": "yesterday"},
        {"stored": True},
        {"expires": None},
        {"expires": NOW - 1},
        {"expires": NOW + 2 * LONGEST},
        {"expires": float("inf"), "value": "\ud800"},
    ],
)
def test_a_foreign_envelope_is_none(change):
    envelope = {"version": VERSION, "key": "k", "stored": NOW, "expires": NOW + 60, "value": 1} | change

    assert decode(json.dumps(envelope).encode(), "k") is None


def test_a_document_that_nests_without_end_is_none():
    assert decode(b'["\\ud800",' + b"[" * 100_000, "k") is None


def test_an_entry_is_fresh_until_it_expires():
    entry = Entry("k", NOW, NOW + 60, 1)

    assert [entry.fresh(NOW + age) for age in (0, 59, 60)] == [True, True, False]
    assert [entry.fresh(NOW + 30, max_age) for max_age in (29, 30)] == [False, True]


def test_a_clock_that_was_set_back_makes_a_miss_and_not_an_immortal():
    entry = Entry("k", NOW, NOW + 60, 1)

    assert entry.fresh(NOW - SKEW)
    assert not entry.fresh(NOW - SKEW - 1)
    assert not entry.fresh(time.time() - 10 * LONGEST)


def test_prompts_with_a_lone_surrogate_differ_by_all_that_they_hold():
    def named(*messages):
        return prompt_fingerprint({"text": "\ud800", "messages": list(messages)})

    lists = [(), ("a",), ("b",), ("a", "b"), ("ab",), (["a"], "b"), ({"a": "b"},), (1,), ("1",), (None,), (True,)]

    assert len({named(*messages) for messages in lists}) == len(lists)
    assert named(("a", "b")) == named(["a", "b"])


def test_an_envelope_keeps_its_published_shape():
    assert json.loads(encode(Entry("ai:v3:x:0", NOW, NOW + 60, {"a": 1}))) == {
        "version": 3,
        "key": "ai:v3:x:0",
        "stored": NOW,
        "expires": NOW + 60,
        "value": {"a": 1},
    }


@pytest.mark.parametrize(("life", "read"), [(0, True), (LONGEST, True), (LONGEST + 1, False), (-1, False)])
def test_what_claims_to_live_longer_than_ten_years_is_not_ours(life, read):
    assert LONGEST == 3650 * 86_400
    assert (decode(json.dumps({**SHAPE, "expires": NOW + life}).encode()) is not None) is read


def test_a_lone_surrogate_comes_back_out_of_an_envelope():
    assert decode(encode(Entry("k", NOW, NOW + 60, "\ud800"))).value == "\ud800"
