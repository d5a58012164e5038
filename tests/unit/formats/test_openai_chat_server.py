from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.question import payload
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import server
from samplemind_cli.formats.types import Endpoint, Media, Message, Route, Text, ToolCall, ToolResult

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


def test_an_answer_without_bounds_is_one_of_no_length():
    assert read(max_tokens=-1).max_tokens is None
    assert read(max_tokens=7).max_tokens == 7


def test_a_hosts_own_tool_is_read_as_it_is():
    search = {"type": "web_search", "search_context_size": "low"}
    assert read(tools=[search]).tools == (search,)


def test_mistrals_own_words_are_not_passed_on_as_they_came():
    play = {"type": "function", "function": {"name": "play"}}
    assert read(tools=[play], tool_choice="any").body is None
    assert read(tools=[play], tool_choice="required").body is not None


def test_what_reasoning_says_beside_its_effort_is_kept():
    found = read(reasoning={"effort": "high", "exclude": True})
    assert (found.effort, found.extra) == ("high", {"reasoning": {"effort": "high", "exclude": True}})
    assert not read(reasoning={"effort": "high"}).extra


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


def parts(*content, role="user", **more):
    (message,) = read(messages=[{"role": role, "content": list(content) or None, **more}]).messages
    return message.parts


@pytest.mark.parametrize(("form", "media_type"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("ogg", "audio/ogg")])
def test_audio_is_read_with_its_media_type(form, media_type):
    sound = {"type": "input_audio", "input_audio": {"format": form, "data": "SUQz"}}
    assert parts(sound) == (Media("audio", media_type, b"ID3"),)


@pytest.mark.parametrize("form", ["midi", "", None, 1])
def test_audio_of_another_format_is_refused_by_the_field_s_name(form):
    with pytest.raises(BadRequestError) as refused:
        parts({"type": "input_audio", "input_audio": {"format": form, "data": "SUQz"}})
    assert refused.value.param == "messages[0].content[0].input_audio.format"


@pytest.mark.parametrize(
    ("url", "media_type", "data"),
    [
        ("data:image/png;base64,iVBO", "image/png", b"\x89PN"),
        ("data:IMAGE/PNG;name=a.png;BASE64,iVBO", "image/png", b"\x89PN"),
        ("data:image/svg+xml;base64,PHN2", "image/svg+xml", b"<sv"),
    ],
)
def test_a_data_url_is_read_with_its_media_type(url, media_type, data):
    (image,) = parts({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
    assert (image.kind, image.media_type, image.data, image.detail) == ("image", media_type, data, "low")


@pytest.mark.parametrize(("named", "name"), [({"filename": "report.pdf"}, "report.pdf"), ({}, "")])
def test_a_file_is_read_with_its_name(named, name):
    (by_id,) = parts({"type": "file", "file": {"file_id": "file-1", **named}})
    (by_bytes,) = parts({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", **named}})
    assert (by_id.name, by_id.file_id) == (name, "file-1")
    assert (by_bytes.name, by_bytes.data, by_bytes.media_type) == (name, b"%PDF", "application/pdf")


def test_a_data_url_that_holds_no_image_is_refused():
    with pytest.raises(BadRequestError, match="must contain an image"):
        parts({"type": "image_url", "image_url": {"url": "data:text/plain;base64,aGk="}})


def test_content_that_is_null_is_nothing_of_the_assistant_and_wrong_of_a_user():
    assert parts(role="assistant") == ()
    assert parts(role="assistant", refusal="no") == (Text("no"),)
    with pytest.raises(BadRequestError, match="must be a string or a list of parts"):
        parts()


@pytest.mark.parametrize(("kind", "json_mode"), [("json_object", True), ("text", False)])
def test_an_object_of_any_shape_is_asked_for_by_json_object_alone(kind, json_mode):
    found = read(response_format={"type": kind})
    assert (found.json_mode, found.schema) == (json_mode, None)


@pytest.mark.parametrize(("given", "stop"), [(None, ()), ("", ()), ("a", ("a",)), (["a"] * 4, ("a",) * 4)])
def test_up_to_four_stops_are_read(given, stop):
    assert read(stop=given).stop == stop


@pytest.mark.parametrize("given", [["a"] * 5, [""], [1], 1, {}])
def test_other_stops_are_refused(given):
    with pytest.raises(BadRequestError) as refused:
        read(stop=given)
    assert refused.value.param == "stop"


@pytest.mark.parametrize(
    ("given", "effort"),
    [
        ({}, ""),
        ({"reasoning_effort": "low"}, "low"),
        ({"reasoning": {"effort": "high"}}, "high"),
        ({"reasoning": {"enabled": False}}, "none"),
        ({"reasoning": {"enabled": True}}, ""),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "low"),
    ],
)
def test_the_effort_is_read_where_openai_or_openrouter_has_it(given, effort):
    assert read(**given).effort == effort


def test_a_tool_that_is_asked_for_by_its_name_is_the_choice():
    tool = {"type": "function", "function": {"name": "play"}}
    choice = {"type": "function", "function": {"name": "play"}}
    assert read(tools=[tool], tool_choice=choice).tool_choice == choice
    assert read(tools=[tool], tool_choice="required").tool_choice == "required"
    with pytest.raises(BadRequestError, match="not one of the tools"):
        read(tools=[tool], tool_choice={"type": "function", "function": {"name": "stop"}})


def test_a_schema_beside_json_mode_counts_as_one():
    schema = {"type": "object", "required": ["n"]}
    found = read(response_format={"type": "json_object", "schema": schema})
    assert (found.schema, found.json_mode, found.needs) == (schema, False, {"schema"})


def test_an_image_may_be_named_by_its_url_alone():
    parts = [{"type": "image_url", "image_url": "https://host/a.png"}]
    found = read(messages=[{"role": "user", "content": parts}])
    assert found.messages == (Message("user", (Media("image", url="https://host/a.png"),)),)
    assert found.body is None  # not every host takes it so


def test_a_schema_that_anything_satisfies_is_another_question_than_none():
    route = Route("openai", Endpoint("http://x", "m"))
    any_json = {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}
    assert payload(route, read(**any_json)) != payload(route, read())
