"""What may become a vector: texts, or their tokens."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import client, embeddings
from samplemind_cli.formats.types import Endpoint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("given_input", "found"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1, 2], [3]], [[1, 2], [3]])],
)
def test_texts_and_tokens_are_read_and_sent_on(given_input, found):
    read = embeddings.texts(Fields({"input": given_input}))

    assert read == found
    assert client.embed(read, None, Endpoint("http://x/v1", "m")).json["input"] == found


@pytest.mark.parametrize("wrong", ["", [], [""], [[]], ["a", [1]], [[1], 2], [[True]], [[-1]], [[1.5]], None, 7, {}])
def test_what_is_neither_is_refused(wrong):
    with pytest.raises(BadRequestError) as refused:
        embeddings.texts(Fields({"input": wrong}))
    assert refused.value.param == "input"


@given(JSON)
def test_whatever_comes_is_read_or_refused(value):
    with suppress(BadRequestError):
        embeddings.texts(Fields({"input": value}))


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {}), ({"index": 0}, {"index": 1}), ({"index": "0"}, {"index": "1"}), ({"index": 0.0}, {"index": 1.0})],
)
def test_vectors_stand_where_they_say_they_do(first, second):
    items = [{"embedding": [1, 0.5], **first}, {"embedding": [2, 0.5], **second}]

    assert client.read_embeddings({"data": items})[0] == [[1, 0.5], [2, 0.5]]
    if first:
        assert client.read_embeddings({"data": items[::-1]})[0] == [[1, 0.5], [2, 0.5]]


@pytest.mark.parametrize(
    ("given_vector", "read"),
    [("AAAAPwAAgD8=", [0.5, 1.0]), ("", []), ("no base64!", []), ("AAA=", []), ("AADAfw==", [])],
    ids=["two numbers", "nothing", "text", "half a number", "not a number"],
)
def test_a_vector_may_come_in_base64(given_vector, read):
    assert client.read_embeddings({"data": [{"embedding": given_vector}]})[0] == [read]
