"""Values of any shape, read as the one sensible thing that they can mean."""

import math

import pytest

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Media, ToolCall, Usage


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", ("a", "")),
        (["a", {"type": "text", "text": "b"}], ("ab", "")),
        ({"text": "", "content": "c"}, ("c", "")),
        ([{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "b"}], ("b", "t")),
        ([{"type": "reasoning", "reasoning": "r"}], ("", "r")),
        ([{"type": "reasoning", "text": "x"}], ("", "x")),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]}, "z"], ("z", "s")),
        ([{"type": "reasoning_content", "content": [{"text": "y"}]}], ("", "y")),
        ([{"content": [{"type": "thinking", "thinking": "t"}, "z"]}], ("z", "t")),
        ([{"value": "v"}, {"refusal": "no"}, {"summary": "s"}, 7, None], ("vnos", "")),
        (None, ("", "")),
        (7, ("7", "")),
        (0, ("0", "")),
        (1.5, ("1.5", "")),
        (True, ("true", "")),
        ({"n": 2}, ('{"n":2}', "")),
        ({"type": "image_url", "image_url": {}}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_text_and_thinking_are_told_apart_in_content_of_any_shape(value, found):
    assert reading.content(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (0, 0),
        (3, 3),
        (3.0, 3),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (-1, None),
        (1.5, None),
        (True, None),
        ("3", None),
    ],
)
def test_a_count_is_a_whole_number_that_json_can_hold(value, found):
    assert reading.count(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "{}"),
        ([], "{}"),
        ("", "{}"),
        (" null ", "{}"),
        ("[]", "{}"),
        ({}, "{}"),
        ({"a": "ä"}, '{"a":"ä"}'),
        ('{"a": 1}', '{"a": 1}'),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ('"a"', '"a"'),
        ('"cut', '"cut'),
        ("a slip", "a slip"),
        ([1], "[1]"),
        (0, "0"),
    ],
)
def test_arguments_become_json_text(value, found):
    assert reading.arguments(value) == found


@pytest.mark.parametrize(
    ("value", "whole"), [("{}", True), (' {"a": 1}', True), ("[]", False), ("{", False), ("1", False), ("", False)]
)
def test_only_a_whole_object_is_one(value, whole):
    assert reading.is_object(value) is whole


@pytest.mark.parametrize(
    ("text", "found"),
    [("", {}), (" ", {}), ("null", {}), ('{"a": 1}', {"a": 1}), ("[1]", {"input": [1]}), ("slip", {"input": "slip"})],
)
def test_given_arguments_are_an_object_and_nothing_is_lost(text, found):
    assert reading.given_arguments(ToolCall("f", text)) == found


@pytest.mark.parametrize(
    ("value", "raw"),
    [({"a": "ä"}, '{"a":"ä"}'.encode()), ([2**64], b"[18446744073709551616]"), ("\ud800", b'"\\ud800"')],
)
def test_whatever_json_holds_is_packed(value, raw):
    assert reading.packed(value) == raw


def test_a_vector_is_numbers_alone():
    assert reading.vector([1, 0.5]) == [1, 0.5]
    assert reading.vector([1, True]) == reading.vector(["1"]) == reading.vector("12") == reading.vector(None) == []


@pytest.mark.parametrize(
    ("media", "url"),
    [
        (Media("image", url="https://example.org/cat.png"), "https://example.org/cat.png"),
        (Media("image", "image/png", b"\x89PNG"), "data:image/png;base64,iVBORw=="),
        (Media("file", data=b"%PDF"), "data:application/octet-stream;base64,JVBERg=="),
    ],
)
def test_media_become_a_url(media, url):
    assert reading.data_url(media) == url


def test_a_total_is_of_what_is_known():
    assert (reading.total(1, None, 2), reading.total(None), reading.total(0)) == (3, None, 0)
    assert reading.counted(Usage()) is None
    assert reading.counted(Usage(input_tokens=1)) == Usage(input_tokens=1)


@pytest.mark.parametrize(
    ("reason", "end"), [("STOP", "stop"), ("null", None), ("None", None), ("", None), (None, None), ("odd", "unknown")]
)
def test_a_finish_reason_is_read_whatever_its_case(reason, end):
    assert reading.finish(reason) == end


def test_a_name_is_found_in_camel_and_in_snake_case():
    assert reading.either({"maxTokens": 0, "max_tokens": 1}, "maxTokens") == 0
    assert reading.either({"max_tokens": 1}, "maxTokens") == 1
    assert reading.either({}, "maxTokens") is None


def test_further_fields_stand_where_their_names_say():
    inner = {"b": 1}
    assert reading.beside({"a": inner}, {"a.c": 2, "d": 3}) == {"a": {"b": 1, "c": 2}, "d": 3}
    assert inner == {"b": 1}


def test_a_piece_of_arguments_is_text():
    assert [reading.piece(value) for value in ("x", None, {"a": 1}, 0)] == ["x", "", '{"a":1}', "0"]


def test_what_is_not_json_is_none():
    assert (reading.parsed('{"a": 1}'), reading.parsed("{"), reading.parsed("[" * 100_000)) == ({"a": 1}, None, None)
    assert math.isnan(reading.parsed("NaN"))


def test_a_fence_around_all_of_a_text_is_taken_off():
    assert reading.unfenced("```json\n{}\n```").strip() == "{}"
    assert reading.unfenced("a ```b```") == "a ```b```"


@pytest.mark.parametrize("endless", ["\n" * 300_000 + ".", "```" + "a" * 300_000, "```" + "\n" * 300_000])
def test_an_answer_of_endless_white_space_is_read_in_a_moment(endless):
    assert reading.unfenced(endless) == endless  # it took minutes


@pytest.mark.parametrize("words", ['{"a":NaN}', '{"a":[-Infinity]}', '{"a":1', "[1]", '{"a":1}{"b":2}'])
def test_what_other_readers_of_json_refuse_is_no_object(words):
    assert not reading.is_object(words)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [(1, "unknown"), ({"type": "stop"}, "stop"), ({}, None), (0, None), (False, None), ([1], "unknown")],
)
def test_an_end_of_another_type_than_a_text_is_one_that_nobody_knows(reason, finish):
    assert reading.finish(reason) == finish
