import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.stored import from_json, to_json
from samplemind_cli.ai.types import Chunk, Text, Thinking, ToolCall, Usage
from samplemind_cli.errors import CutStreamError, ProviderError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


def whole(*chunks):
    draft = Draft("key")
    for chunk in chunks:
        draft.add(chunk)
    return draft.answer("ollama", "tiny")


@given(st.lists(st.text(min_size=1), min_size=1))
def test_the_text_is_its_pieces_joined(pieces):
    assert whole(*map(Chunk, pieces), Chunk(finish="stop")).text == "".join(pieces)


def called(*pieces, finish="tool_calls", **kept):
    """The calls of an answer, and what was told of them while they came, joined by place."""
    draft, told = Draft("key", **kept), {}
    for piece in (
        *(Chunk(tool_calls=one if isinstance(one, tuple) else (one,)) for one in pieces),
        Chunk(finish=finish),
    ):
        for call in said.tool_calls if (said := draft.add(piece)) else ():
            known = told.setdefault(call.index, ["", "", ""])
            told[call.index] = [known[0] + call.name, known[1] + call.id, known[2] + call.arguments]
    answer = draft.answer("openai", "m")
    assert [tuple(said) for said in told.values()] == [(c.name, c.id, c.arguments) for c in answer.tool_calls]
    return answer


def test_pieces_of_one_call_are_joined_and_calls_without_an_index_are_whole():
    answer = called(
        ToolCall("play", '{"no', "a", 0),
        (ToolCall("stop", "{}", "b"), ToolCall("stop", "{}", "c")),
        ToolCall(arguments='te": 1}', index=0),
    )

    found = [(call.name, call.arguments, call.id) for call in answer.tool_calls]
    assert found == [("play", '{"note": 1}', "a"), ("stop", "{}", "b"), ("stop", "{}", "c")]
    assert (answer.finish_reason, answer.sound) == ("tool_calls", True)


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize(
    "second", [ToolCall("weather", '{"b":2}', "y"), ToolCall("now", '{"b":2}', ""), ToolCall("weather", '{"b":2}', "")]
)
def test_another_id_or_name_or_a_name_after_whole_arguments_begins_another_call(index, second):
    answer = called(ToolCall("weather", '{"a":1}', "x", index), replace(second, index=index))

    assert [call.arguments for call in answer.tool_calls] == ['{"a":1}', '{"b":2}']
    assert len({call.id for call in answer.tool_calls}) == 2


@pytest.mark.parametrize("index", [0, None])
def test_a_name_and_an_id_that_come_with_every_piece_are_one_call(index):
    pieces = [ToolCall("weather", text, "x", index) for text in ('{"city"', ': "Os', 'lo"}')]

    assert [call.arguments for call in called(*pieces).tool_calls] == ['{"city": "Oslo"}']


def test_pieces_without_an_index_go_on_with_the_last_call():
    answer = called(ToolCall("f", "", "x"), ToolCall(arguments='{"a":'), ToolCall(arguments="1}"))

    assert [call.arguments for call in answer.tool_calls] == ['{"a":1}']


@pytest.mark.parametrize("nothing", ["", "null", " ", "nu|ll", '"{}"'])
def test_a_call_without_arguments_has_an_empty_object_also_as_it_is_told(nothing):
    pieces = [ToolCall(arguments=text, index=0) for text in nothing.split("|")]

    assert [call.arguments for call in called(ToolCall("now", "", "x", 0), *pieces).tool_calls] == ["{}"]


def test_text_within_text_is_opened():
    answer = called(ToolCall("f", '"{\\"city\\":', "x", 0), ToolCall(arguments=' \\"Oslo\\"}"', index=0))

    assert answer.tool_calls[0].arguments == '{"city": "Oslo"}'


def test_arguments_that_stand_in_the_beginning_alone_are_the_arguments():
    assert called(ToolCall("f", "", "x", 0, default='{"a":1}')).tool_calls[0].arguments == '{"a":1}'
    pieces = (ToolCall("f", "", "x", 0, default="{}"), ToolCall(arguments='{"a":2}', index=0))
    assert called(*pieces).tool_calls[0].arguments == '{"a":2}'


@pytest.mark.parametrize("arguments", ['{"city": "Os', "[1]", "Oslo", '{"a":1}{"b":2}', "5"])
def test_arguments_that_are_no_object_make_an_answer_that_is_never_kept(arguments):
    answer = called(ToolCall("f", arguments, "x", 0))

    assert answer.tool_calls[0].arguments == arguments
    assert not answer.sound


def test_ids_of_our_own_are_the_same_for_the_same_question_and_others_for_another():
    def ids(key):
        draft = Draft(key)
        draft.add(Chunk(tool_calls=(ToolCall("f", "{}"), ToolCall("f", "{}")), finish="tool_calls"))
        return [call.id for call in draft.answer("gemini", "m").tool_calls]

    assert ids("one") == ids("one")
    assert len({*ids("one"), *ids("two")}) == 4


def test_of_several_calls_one_is_kept_where_one_was_asked_for():
    pieces = [ToolCall("f", "{}", "x", 0), ToolCall("g", '{"a"', "y", 1), ToolCall(arguments=":1}", index=1)]

    assert [call.name for call in called(*pieces, one_call=True).tool_calls] == ["f"]


def test_an_end_of_tool_calls_without_calls_is_an_answer_that_is_never_kept():
    answer = whole(Chunk("4"), Chunk(finish="tool_calls"))

    assert (answer.text, answer.finish_reason, answer.sound) == ("4", "stop", False)


@pytest.mark.parametrize("text", ["The answer is 4.", "something else"])
def test_a_whole_message_after_its_pieces_adds_nothing(text):
    answer = whole(Chunk("The answer "), Chunk("is 4."), Chunk(text, whole=True, finish="stop", usage=Usage(5, 4)))

    assert (answer.text, answer.usage) == ("The answer is 4.", Usage(5, 4))


def test_whole_messages_that_grow_are_one():
    draft = Draft()
    told = [draft.add(Chunk(text, whole=True)) for text in ("The", "The answer", "The answer is 4.")]

    assert [chunk.text for chunk in told] == ["The", " answer", " is 4."]


def test_thinking_and_text_keep_their_order_and_each_thought_its_signature():
    answer = whole(
        Chunk(thinking="a"), Chunk(signature="s1"), Chunk("one"), Chunk(thinking="b"), Chunk(signature="s2"),
        Chunk("two", finish="stop"),
    )  # fmt: skip

    assert answer.parts == (Thinking("a", "s1"), Text("one"), Thinking("b", "s2"), Text("two"))


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```\n", " ```JSON\r\n{}```", "~~~\n{}\n~~~"])
def test_a_fence_around_json_is_no_part_of_it(fence):
    draft, told = Draft(json=True), ""
    inside = fence.replace("{}", '{"n": 4}')
    for letter in inside:
        told += said.text if (said := draft.add(Chunk(letter))) else ""
    draft.add(Chunk(finish="stop"))

    assert told + (rest.text if (rest := draft.end()) else "") == '{"n": 4}'
    assert draft.answer("openai", "m").text == '{"n": 4}'


def test_a_fence_stays_where_no_json_was_asked_for():
    assert whole(Chunk("```\nx\n```", finish="stop")).text == "```\nx\n```"


def test_further_choices_are_answers_beside_the_first():
    answer = whole(
        Chunk("a", others=((1, Chunk("b")),)), Chunk(finish="stop", others=((1, Chunk("c", finish="length")),))
    )

    assert [(other.text, other.finish_reason) for other in answer.others] == [("bc", "length")]


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
    with pytest.raises(ProviderError, match="called a tool without naming it"):
        whole(Chunk("Let me play.", tool_calls=(ToolCall(arguments='{"note": 1}', index=index),)), Chunk(finish="stop"))


def test_a_refusal_may_have_no_words():
    assert whole(Chunk(finish="refusal")).finish_reason == "refusal"


ARGUMENTS = st.dictionaries(st.text(), st.integers()).map(json.dumps)


@given(st.text(min_size=1), st.text(), st.lists(st.builds(ToolCall, st.text(min_size=1), ARGUMENTS, st.text())))
def test_what_is_stored_comes_back(text, thinking, calls):
    answer = whole(Chunk(text, thinking, tuple(calls), finish="stop", usage=Usage(1, 2)))

    assert from_json(to_json(answer), "key") == answer


@given(JSON)
def test_a_foreign_value_is_no_answer(value):
    assert from_json(value, "key") is None


def test_a_half_foreign_value_is_no_answer():
    stored = to_json(whole(Chunk("x", finish="stop")))

    assert from_json(stored | {"parts": [{"text": 1}]}, "key") is None
    assert from_json(stored | {"model": 1}, "key") is None
    assert from_json(stored | {"usage": {"tokens": 1}}, "key") is None
    assert from_json(stored | {"usage": {"input_tokens": "many"}}, "key") is None
    assert from_json(stored | {"finish_reason": "sideways"}, "key") is None
