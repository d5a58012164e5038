"""OpenAI's format: calls as documented, and every kind of event and error read."""

import pytest

from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import embedded
from samplemind_cli.formats.types import (
    Chunk,
    Endpoint,
    Fault,
    Message,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    attachment,
)

OPENAI = Endpoint("https://api.openai.com/v1", "gpt-6-luna", "sk-secret")
OTHER = Endpoint("http://127.0.0.1:8000/v1", "local")
HELLO = Request(messages=(Message("user", "hello"),), max_tokens=5, temperature=0.5)
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def delta(finish=None, **delta):
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def whole(finish="stop", **message):
    message = {"role": "assistant", "content": None, "refusal": None} | message
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def test_openai_itself_gets_its_own_parameters():
    call = openai.chat(HELLO, OPENAI)
    assert call.url == "https://api.openai.com/v1/chat/completions"
    assert call.headers == {"authorization": "Bearer sk-secret"}
    assert call.json == {
        "model": "gpt-6-luna",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "temperature": 0.5,
        "max_completion_tokens": 5,
    }


def test_a_compatible_server_gets_the_older_names_and_no_empty_key():
    call = openai.chat(HELLO, OTHER)
    assert call.headers == {}
    assert call.json["max_tokens"] == 5
    assert "max_completion_tokens" not in call.json
    assert call.json["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("url", "official"),
    [
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.evil.example/v1", False),
        ("https://proxy.example/api.openai.com/v1", False),
    ],
)
def test_only_openais_own_hosts_count_as_openai(url, official):
    call = openai.chat(HELLO, Endpoint(url, "m"))
    assert ("max_completion_tokens" in call.json) is official


def test_images_and_sounds_go_beside_the_words():
    files = (attachment("image/png", b"\x89P"), attachment("audio/mpeg", b"id3"), attachment("audio/x-wav", b"RI"))
    call = openai.chat(Request(messages=(Message("user", (Text("what is this"), *files)),)), OPENAI)
    assert call.json["messages"][0]["content"] == [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVA="}},
        {"type": "input_audio", "input_audio": {"data": "aWQz", "format": "mp3"}},
        {"type": "input_audio", "input_audio": {"data": "Ukk=", "format": "wav"}},
    ]


def test_tools_pass_through_and_their_history_too():
    messages = (
        Message("user", "weather?"),
        Message("assistant", [ToolCall("weather", '{"city":"Rome"}', "c1"), ToolCall("now", "", "c2")]),
        Message("tool", [ToolResult("c1", (Text("sunny"),))]),
    )
    call = openai.chat(Request(messages=messages, tools=(WEATHER,), tool_choice="required"), OPENAI)
    assert call.json["tools"] == [WEATHER]
    assert call.json["tool_choice"] == "required"
    assert call.json["messages"][1]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
        {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
    ]
    assert call.json["messages"][2] == {"role": "tool", "content": "sunny", "tool_call_id": "c1"}


def test_a_tool_choice_without_tools_is_left_out_since_the_api_rejects_it():
    assert "tool_choice" not in openai.chat(Request(messages=HELLO.messages, tool_choice="auto"), OPENAI).json


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        (CLOSED | {"properties": {"a": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({"type": "object", "properties": {"a": {}}}, False),
        (CLOSED | {"required": []}, False),
        (CLOSED | {"properties": {"a": {"type": "array", "items": {"type": "object"}}}}, False),
        (CLOSED | {"allOf": []}, False),
        ({"type": "array", "items": CLOSED}, False),
        (CLOSED | {"required": 5}, False),
    ],
)
def test_a_schema_is_strict_exactly_when_openai_would_take_it_as_strict(schema, strict):
    call = openai.chat(Request(messages=HELLO.messages, schema=schema), OPENAI)
    expected = {"name": "answer", "schema": schema, "strict": strict}
    assert call.json["response_format"] == {"type": "json_schema", "json_schema": expected}


def test_a_stream_is_words_then_an_end_then_usage():
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    events = [
        delta(role="assistant", content="", refusal=None),
        delta(content="Hel") | {"usage": None},
        delta(content="lo"),
        delta(finish="stop"),
        {"choices": [], "usage": usage},
    ]
    assert [openai.read(event) for event in events] == [
        Chunk(),
        Chunk(text="Hel"),
        Chunk(text="lo"),
        Chunk(finish="stop"),
        Chunk(usage=Usage(30, 9, 20, 4, 0)),
    ]


def test_a_whole_answer_is_one_chunk():
    body = whole(content="Hello") | {"usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
    assert openai.read(body) == Chunk(text="Hello", finish="stop", usage=Usage(3, 1), whole=True)


def test_tool_calls_come_in_pieces_that_share_an_index():
    pieces = [
        delta(tool_calls=[{"index": 1, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": '{"a":'}}]),
        delta(finish="tool_calls"),
    ]
    assert [openai.read(event) for event in pieces] == [
        Chunk(tool_calls=(ToolCall("f", "", "c1", 1),)),
        Chunk(tool_calls=(ToolCall("", '{"a":', "", 1),)),
        Chunk(finish="tool_calls"),
    ]


def test_a_whole_tool_call_has_no_index():
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for finish in ("tool_calls", "stop"):  # some compatible servers say stop
        chunk = openai.read(whole(finish, tool_calls=[call]))
        assert chunk == Chunk(tool_calls=(ToolCall("f", "{}", "c1", None),), finish=finish, whole=True)


def test_a_refusal_is_text_with_its_own_end():
    assert openai.read(delta(refusal="I can")) == Chunk(text="I can", finish="refusal", refusal=True)
    assert openai.read(whole(refusal="I cannot")) == Chunk(text="I cannot", finish="refusal", refusal=True, whole=True)


@pytest.mark.parametrize(
    ("reason", "finish"), [("length", "length"), ("content_filter", "filtered"), ("function_call", "tool_calls")]
)
def test_other_ends_are_told_apart(reason, finish):
    assert openai.read(delta(finish=reason)).finish == finish


def test_an_end_that_tells_of_a_failure_is_a_fault():
    chunk = openai.read(delta(finish="insufficient_system_resource"))
    assert chunk.finish is None
    assert chunk.fault == Fault("server", "the answer ended with insufficient_system_resource")


def test_compatible_servers_think_in_a_field_of_their_own():
    assert openai.read(delta(reasoning_content="hm", content=None)) == Chunk(thinking="hm")
    assert openai.read(delta(reasoning="hm")) == Chunk(thinking="hm")


def test_an_error_inside_a_stream_is_a_fault():
    event = {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
    assert openai.read(event) == Chunk(fault=Fault("server", "The server had an error"))
    llama = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    assert openai.read(llama) == Chunk(fault=Fault("overloaded", "Loading model"))


def error(message, type_="invalid_request_error", code=None):
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, error("Incorrect API key provided", code="invalid_api_key"), "auth"),
        (403, error("Country, region, or territory not supported"), "auth"),
        (404, error("The model `x` does not exist", code="model_not_found"), "not_found"),
        (403, error("Project does not have access to model `x`", code="model_not_found"), "not_found"),
        (429, error("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), "credit"),
        (429, error("No credit", "billing", "credit_balance_exhausted"), "credit"),
        (429, error("Spend", "insufficient_quota", "project_spend_limit_exceeded"), "credit"),
        (429, error("Usage", code="organization_usage_limit_exceeded"), "credit"),
        (429, error("Limit", code="billing_hard_limit_reached"), "credit"),
        (402, error("Insufficient Balance"), "credit"),
        (429, error("Rate limit reached for gpt-5", "requests", "rate_limit_exceeded"), "rate"),
        (400, error("Too long", code="context_length_exceeded"), "too_long"),
        (400, error("Your input exceeds the context window of this model."), "too_long"),
        (400, {"error": {"code": 400, "message": "too big", "type": "exceed_context_size_error"}}, "too_long"),
        (413, None, "too_long"),
        (400, error("Unsupported value: 'temperature'", code="unsupported_value"), "request"),
        (422, {"detail": [{"loc": ["body"]}]}, "request"),
        (408, None, "server"),
        (409, None, "server"),
        (500, error("The server had an error", "server_error"), "server"),
        (502, "<html><title>Bad gateway</title></html>", "server"),
        (503, error("The engine is currently overloaded", "server_error"), "overloaded"),
    ],
)
def test_every_documented_error_has_its_kind(status, body, kind):
    assert openai.fault(status, body).kind == kind


def test_messages_are_the_providers_own_without_keys_and_of_sane_length():
    echoed = "Incorrect API key provided: sk-ab***wxyz. You can find your API key at https://platform.openai.com/keys."
    message = openai.fault(401, error(echoed)).message
    assert "ab***" not in message
    assert "wxyz" not in message
    assert message.startswith("Incorrect API key provided: [key]")
    assert message.endswith("at https://platform.openai.com/keys.")
    assert len(openai.fault(400, error("x " * 4000)).message) == 500
    assert openai.fault(404, {"detail": "Not Found"}).message == "Not Found"
    assert openai.fault(502, "<html>sk-secret</html>").message == "an error without a message (HTTP 502)"


def test_the_embedded_model_speaks_the_same_format_and_takes_no_files_and_no_tools():
    ours, theirs = embedded.chat(HELLO, OTHER), openai.chat(HELLO, OTHER)

    assert (ours.url, ours.headers) == (theirs.url, theirs.headers)
    assert theirs.json.items() <= ours.json.items()
    assert not any(embedded.takes(name, HELLO, OTHER) for name in ("image", "audio", "tools"))


def test_a_small_model_is_kept_from_repeating_itself_without_end():
    call = embedded.chat(Request(messages=(Message("user", "hello"),)), OTHER)

    assert call.json["max_tokens"] == embedded.LONGEST
    assert call.json["repeat_penalty"] > 1


def test_a_text_too_long_for_an_embedded_vector_is_told_without_the_engines_inner_words():
    told = "input (3001 tokens) is too large to process. increase the physical batch size (current batch size: 2048)"
    fault = embedded.fault(500, {"error": {"code": 500, "message": told, "type": "server_error"}})
    assert fault == Fault("too_long", "a text of 3001 tokens is too long for this embedding model: at most 2048")
    assert embedded.fault(500, {"error": {"message": "no"}}) == Fault("server", "no")
