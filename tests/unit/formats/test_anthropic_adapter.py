"""Claude's format: calls as documented, and every kind of event and error read."""

import pytest

from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.types import (
    Chunk,
    Endpoint,
    Fault,
    Message,
    Opaque,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    attachment,
)

CLAUDE = Endpoint("https://api.anthropic.com", "claude-sonnet-5-5", "sk-ant-secret")
HELLO = (Message("user", "hello"),)


def body(messages=HELLO, **request):
    return anthropic.chat(Request(messages=messages, **request), CLAUDE).json


def test_a_call_pins_its_version_caps_its_tokens_and_sends_no_sampling_parameter():
    call = anthropic.chat(Request(messages=HELLO, temperature=0.1), CLAUDE)
    assert call.url == "https://api.anthropic.com/v1/messages"
    assert call.headers == {"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-secret"}
    assert call.json == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": True,
    }
    assert body(max_tokens=7)["max_tokens"] == 7


def test_a_long_system_prompt_is_marked_for_the_prompt_cache_and_a_short_one_is_not():
    assert body((Message("system", "Be brief."), *HELLO))["system"] == "Be brief."
    long = "x" * 4096
    marked = [{"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}]
    assert body((Message("system", long), *HELLO))["system"] == marked


def test_parallel_results_share_a_turn_and_foreign_ids_are_spelled_in_claudes_letters():
    calls = (ToolCall("f", '{"a": 1}', "functions.f:0"), ToolCall("g", "not json", ""))
    messages = (
        *HELLO,
        Message("assistant", (Text("Wait."), *calls)),
        Message("tool", [ToolResult("functions.f:0", (Text("one"),))]),
        Message("tool", [ToolResult("", (Text("two"),))]),
        Message("user", "and?"),
    )
    assert body(messages)["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "g", "name": "g", "input": {"input": "not json"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "functions_f_0", "content": "one"},
                {"type": "tool_result", "tool_use_id": "g", "content": "two"},
                {"type": "text", "text": "and?"},
            ],
        },
    ]


def test_an_image_stands_where_it_stood_and_no_block_is_white_space_alone():
    messages = (Message("user", [attachment("image/png", b"\x89P"), Text(" \n")]),)
    source = {"type": "base64", "media_type": "image/png", "data": "iVA="}
    assert body(messages)["messages"][0]["content"] == [{"type": "image", "source": source}]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ],
)
def test_tools_are_translated_from_openais_shape(choice, expected):
    parameters = {"properties": {"a": {"type": "integer", "minimum": 1}}}
    tool = {"type": "function", "function": {"name": "f", "description": "does", "parameters": parameters}}
    sent = body(tools=(tool, {"type": "function", "function": {"name": "g"}}), tool_choice=choice)
    assert sent["tools"] == [
        {"name": "f", "description": "does", "input_schema": {"type": "object", **parameters}},
        {"name": "g", "input_schema": {"type": "object"}},
    ]
    assert sent["tool_choice"] == expected


def test_a_schema_is_closed_and_says_in_words_the_bounds_claude_rejects():
    schema = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 1, "default": {"maximum": 3}},
            "list": {"type": "array", "items": {"$ref": "#/$defs/x"}, "maxItems": 3, "description": "all"},
        },
        "required": ["minimum"],
        "$defs": {
            "x": {
                "anyOf": [
                    {"type": "object", "properties": {}, "additionalProperties": False},
                    {"enum": [{"maxLength": 1}]},
                ]
            }
        },
    }
    assert body(schema=schema)["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "default": {"maximum": 3}, "description": '{"minimum":1}'},
                "list": {"type": "array", "items": {"$ref": "#/$defs/x"}, "description": 'all {"maxItems":3}'},
            },
            "required": ["minimum"],
            "additionalProperties": False,
            "$defs": {
                "x": {
                    "anyOf": [
                        {"type": "object", "properties": {}, "additionalProperties": False},
                        {"enum": [{"maxLength": 1}]},
                    ]
                }
            },
        },
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"tags": {"type": "object", "additionalProperties": True}}},
        {"$defs": {"map": {"type": "object", "patternProperties": {"^x": {}}}}, "$ref": "#/$defs/map"},
    ],
)
def test_a_map_is_asked_for_in_words_since_closing_it_would_leave_only_an_empty_object(schema):
    sent = body(schema=schema)

    assert "output_config" not in sent
    assert "satisfy this JSON Schema" in sent["system"]


def test_json_mode_is_asked_for_in_words():
    assert "one JSON object" in body(json_mode=True)["system"]


def block(index, **content):
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index, **content):
    return {"type": "content_block_delta", "index": index, "delta": content}


def end(reason, **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def test_a_stream_counts_cached_tokens_as_input_and_its_last_usage_is_the_true_one():
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 2000,
        "output_tokens": 1,
    }
    events = [
        {"type": "message_start", "message": {"id": "m", "type": "message", "content": [], "usage": usage}},
        block(0, type="text", text=""),
        {"type": "ping"},
        delta(0, type="text_delta", text="Hel"),
        delta(0, type="text_delta", text="lo"),
        {"type": "content_block_stop", "index": 0},
        end("end_turn", output_tokens=12),
        {"type": "message_stop"},
    ]
    chunks = [anthropic.read(event) for event in events]
    assert "".join(chunk.text for chunk in chunks) == "Hello"
    assert [chunk.finish for chunk in chunks if chunk.finish] == ["stop"]
    assert chunks[0].usage == Usage(2105, 1, 2000, cache_write_tokens=100)
    assert chunks[0].usage.updated(chunks[6].usage) == Usage(2105, 12, 2000, cache_write_tokens=100)
    assert chunks[2] == chunks[5] == chunks[7] == Chunk()


def test_a_tool_call_comes_in_pieces_and_thinking_is_kept_apart():
    events = [
        block(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="abc"),
        block(1, type="tool_use", id="toolu_1", name="f", input={}),
        delta(1, type="input_json_delta", partial_json=""),
        delta(1, type="input_json_delta", partial_json='{"a":1}'),
        end("tool_use", output_tokens=3),
    ]
    assert [anthropic.read(event) for event in events] == [
        Chunk(),
        Chunk(thinking="hm"),
        Chunk(signature="abc"),
        Chunk(tool_calls=(ToolCall("f", "", "toolu_1", 1, default="{}"),)),
        Chunk(tool_calls=(ToolCall("", "", "", 1),)),
        Chunk(tool_calls=(ToolCall("", '{"a":1}', "", 1),)),
        Chunk(finish="tool_calls", usage=Usage(output_tokens=3)),
    ]


def test_a_whole_message_is_one_chunk():
    message = {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "…"},
            {"type": "text", "text": "One "},
            {"type": "text", "text": "two"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"city": "Malmö"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": None},
    }
    call = ToolCall("f", '{"city":"Malmö"}', "t")
    assert anthropic.read(message) == Chunk(
        "One two", "hm", (call,), "tool_calls", Usage(5, 2), signature="s", whole=True
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "refusal"),
        (None, None),
    ],
)
def test_every_documented_end_is_told_apart(reason, finish):
    assert anthropic.read(end(reason)) == Chunk(finish=finish)


def test_an_unknown_end_ends_the_answer_all_the_same():
    assert anthropic.read(end("compaction")) == Chunk(finish="unknown")


def test_an_error_inside_a_stream_is_a_fault():
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert anthropic.read(event) == Chunk(fault=Fault("overloaded", "Overloaded"))


def error(type_, message="no", **more):
    return {"type": "error", "error": {"type": type_, "message": message, **more}, "request_id": "req_1"}


LOW = "Your credit balance is too low to access the Anthropic API."
SPENT = "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01."
CAPPED = {"details": {"error_code": "enforced_spend_limit_reached"}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("invalid_request_error"), "request"),
        (400, error("invalid_request_error", LOW), "credit"),
        (400, error("invalid_request_error", SPENT), "credit"),
        (400, error("invalid_request_error", "prompt is too long: 345320 tokens > 199999 maximum"), "too_long"),
        (401, error("authentication_error", "invalid x-api-key"), "auth"),
        (402, error("billing_error"), "credit"),
        (403, error("permission_error"), "auth"),
        (404, error("not_found_error", "model: claude-9"), "not_found"),
        (409, error("conflict_error"), "server"),
        (413, error("request_too_large"), "too_long"),
        (429, error("rate_limit_error"), "rate"),
        (429, error("rate_limit_error", **CAPPED), "credit"),
        (500, error("api_error"), "server"),
        (504, error("timeout_error"), "server"),
        (529, error("overloaded_error"), "overloaded"),
        (503, error("api_error"), "overloaded"),
        (529, "<html>", "overloaded"),
        (502, None, "server"),
    ],
)
def test_every_documented_error_has_its_kind(status, body, kind):
    assert anthropic.fault(status, body).kind == kind


def test_a_servers_own_tool_call_and_its_citations_are_read_whole_and_are_no_calls_of_the_clients():
    reader = anthropic.reader(Request(messages=HELLO))
    cited = {"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://x"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    events = [
        block(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query":'),
        delta(0, type="input_json_delta", partial_json='"q"}'),
        {"type": "content_block_stop", "index": 0},
        block(1, **result),
        {"type": "content_block_stop", "index": 1},
        block(2, type="text", text=""),
        delta(2, type="text_delta", text="so"),
        delta(2, **cited),
        {"type": "content_block_stop", "index": 2},
    ]
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}

    assert [chunk for chunk in map(reader, events) if chunk != Chunk()] == [
        Chunk(block=Opaque("anthropic_messages", call)),
        Chunk(block=Opaque("anthropic_messages", result)),
        Chunk(text="so"),
        Chunk(block=Opaque("anthropic_messages", cited)),
    ]
    assert events[0]["content_block"]["input"] == {}


def test_a_call_keeps_who_may_make_it():
    caller = {"type": "direct"}
    event = block(0, type="tool_use", id="t", name="f", input={}, caller=caller)

    assert anthropic.read(event).tool_calls[0].hints == {"caller": caller}


def test_a_mark_for_the_prompt_cache_beside_a_message_stands_at_its_last_block():
    mark = {"cache_control": {"type": "ephemeral"}}
    call = ToolCall("f", "{}", "1")
    found = Request(
        messages=(
            Message("system", "s", hints=mark),
            Message("user", "q", hints=mark),
            Message("assistant", (call,), hints=mark),
            Message("tool", (ToolResult("1", (Text("r"),)),), hints=mark),
        ),
        source="openai_chat",
    )
    sent = anthropic.chat(found, CLAUDE).json
    assert sent["system"] == [{"type": "text", "text": "s", **mark}]
    for turn in sent["messages"]:
        assert turn.keys() == {"role", "content"}
        assert turn["content"][-1]["cache_control"] == mark["cache_control"]
