from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import server
from samplemind_cli.formats.types import Message, Text, ToolCall, ToolResult

HI = [{"role": "user", "content": "hi"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return server.read(Fields({"messages": HI, **changes}))


def test_a_conversation_with_tools_is_read():
    call = {"id": "1", "type": "function", "function": {"name": "play", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "ok"}]},
    ]

    assert read(messages=messages).messages == (
        Message("system", "be brief"),
        Message("assistant", (ToolCall("play", "{}", "1"),)),
        Message("tool", [ToolResult("1", (Text("ok"),))]),
    )


def test_what_changes_nothing_is_taken_and_what_cannot_be_honoured_is_refused():
    unasked = {"n": 1, "top_p": 1, "stop": None, "frequency_penalty": 0.0, "presence_penalty": 0, "logprobs": False}
    advice = {"service_tier": "auto", "parallel_tool_calls": True}
    assert read(**unasked, **advice, stream_options=None) == read()
    for changes in (
        {"functions": [{}]},
        {"modalities": ["audio"]},
        {"reasoning_effort": "lots"},
        {"audio": {"voice": "x"}},
    ):
        with pytest.raises(BadRequestError) as refused:
            read(**changes)
        assert (refused.value.status, refused.value.param) == (400, next(iter(changes)))


def test_the_parameters_that_some_providers_have_are_read():
    found = read(top_p=0.5, stop="END", seed=-1, presence_penalty=-2, frequency_penalty=0.5)
    assert (found.top_p, found.stop, found.seed) == (0.5, ("END",), -1)
    assert (found.presence_penalty, found.frequency_penalty) == (-2, 0.5)
    assert read(stop=["a", "b"]).stop == ("a", "b")


def test_one_call_at_most_means_something_where_there_are_tools():
    tools = [{"type": "function", "function": {"name": "play"}}]
    assert read(parallel_tool_calls=False).parallel_tool_calls is None
    assert read(parallel_tool_calls=False, tools=tools).parallel_tool_calls is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_p": 1.1},
        {"stop": ["a"] * 5},
        {"stop": [""]},
        {"stop": False},
        {"seed": 2**63},
        {"seed": 0.5},
        {"presence_penalty": 3},
        {"parallel_tool_calls": 0},
    ],
)
def test_a_parameter_out_of_its_bounds_is_named(wrong):
    with pytest.raises(BadRequestError) as refused:
        read(**wrong)
    assert (refused.value.status, refused.value.param) == (400, next(iter(wrong)))


def test_the_newer_name_of_the_limit_wins():
    assert read(max_tokens=1, max_completion_tokens=2).max_tokens == 2


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://x/"}, {"items": [{"$ref": "file:///etc/passwd"}]}, {"type": "king"}, {"$schema": 7}]
)
def test_a_schema_that_is_none_or_refers_elsewhere_is_refused(schema):
    with pytest.raises(BadRequestError):
        read(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})


@given(st.dictionaries(st.sampled_from(["messages", "tools", "tool_choice", "response_format", "stream", "n"]), JSON))
def test_whatever_comes_is_read_or_refused(value):
    with suppress(BadRequestError):
        server.read(Fields(value))
