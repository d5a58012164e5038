import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft, from_json, to_json
from samplemind_cli.ai.types import Chunk, ToolCall, Usage
from samplemind_cli.errors import CutStreamError, ProviderError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


def whole(*chunks):
    draft = Draft()
    for chunk in chunks:
        draft.add(chunk)
    return draft.answer("ollama", "tiny", "key")


@given(st.lists(st.text(min_size=1), min_size=1))
def test_the_text_is_its_pieces_joined(pieces):
    assert whole(*map(Chunk, pieces), Chunk(finish="stop")).text == "".join(pieces)


def test_pieces_of_one_call_are_joined_and_calls_without_an_index_are_whole():
    answer = whole(
        Chunk(tool_calls=(ToolCall("play", '{"no', "a", 0),)),
        Chunk(tool_calls=(ToolCall("stop", "{}"), ToolCall("stop", "{}"))),
        Chunk(tool_calls=(ToolCall(arguments='te": 1}', index=0),), finish="stop"),
    )

    assert answer.tool_calls == (ToolCall("play", '{"note": 1}', "a"), ToolCall("stop", "{}"), ToolCall("stop", "{}"))
    assert answer.finish_reason == "tool_calls"


def test_a_later_usage_completes_an_earlier_one():
    answer = whole(
        Chunk("x", usage=Usage(10, None, 4)), Chunk(finish="stop", usage=Usage(output_tokens=3, reasoning_tokens=1))
    )

    assert answer.usage == Usage(10, 3, 4, 1)


def test_an_answer_whose_end_was_never_heard_is_none():
    with pytest.raises(CutStreamError, match="broke off"):
        whole(Chunk("half an ans"))


def test_an_answer_of_thinking_alone_is_an_error():
    with pytest.raises(ProviderError, match="thinking") as failed:
        whole(Chunk(thinking="hm"), Chunk(finish="length"))

    assert "--max-tokens" in failed.value.hint


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls"])
def test_an_empty_answer_is_an_error(finish):
    with pytest.raises(ProviderError, match="empty"):
        whole(Chunk(finish=finish))


@pytest.mark.parametrize("index", [None, 0])
def test_a_call_of_a_tool_without_a_name_is_an_error(index):
    with pytest.raises(ProviderError, match="called a tool and did not say which"):
        whole(Chunk("Let me play.", tool_calls=(ToolCall(arguments='{"note": 1}', index=index),)), Chunk(finish="stop"))


def test_a_refusal_may_have_no_words():
    assert whole(Chunk(finish="refusal")).finish_reason == "refusal"


@given(st.text(min_size=1), st.text(), st.lists(st.builds(ToolCall, st.text(min_size=1), st.text(), st.text())))
def test_what_is_stored_comes_back(text, thinking, calls):
    answer = whole(Chunk(text, thinking, tuple(calls), finish="stop", usage=Usage(1, 2)))

    assert from_json(to_json(answer), "key") == answer


@given(JSON)
def test_a_foreign_value_is_no_answer(value):
    assert from_json(value, "key") is None


def test_a_half_foreign_value_is_no_answer():
    stored = to_json(whole(Chunk("x", finish="stop")))

    assert from_json(stored | {"text": 1}, "key") is None
    assert from_json(stored | {"usage": {"tokens": 1}}, "key") is None
    assert from_json(stored | {"usage": {"input_tokens": "many"}}, "key") is None
    assert from_json(stored | {"finish_reason": "sideways"}, "key") is None
