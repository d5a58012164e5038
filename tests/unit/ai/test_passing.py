"""A provider's events reach a client of its format as they came; what must be mended is told anew, in one stream."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.types import Chunk, Endpoint, Request, Route, ToolCall
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.anthropic_messages import server as anthropic_server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.gemini import server as gemini_server
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.ollama import generate
from samplemind_cli.formats.ollama import server as ollama_server
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import server as openai_server


def piece(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "brand_new": 1}
    return {"id": "up", "object": "chat.completion.chunk", "model": "gpt-6", "choices": [choice], **more}


def call(index, arguments, **head):
    function = {"arguments": arguments, **({"name": "f"} if head else {})}
    return {"index": index, **head, "function": function}


def block(index, start, *deltas):
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


USED = {"id": "t1", "type": "tool_use", "name": "f", "input": {}}
OPENAI = [
    piece({"role": "assistant", "content": ""}),
    piece({"reasoning_content": "hm"}),
    piece({"content": "Hel"}, service_tier="flex"),
    piece({"content": "lo"}),
    piece({"tool_calls": [call(0, "", id="c1", type="function")]}),
    piece({"tool_calls": [call(0, '{"a":')]}),
    piece({"tool_calls": [call(0, "1}")]}),
    piece({"tool_calls": [call(1, '{"a":2}', id="c2", type="function")]}),
    piece({}, "tool_calls"),
    {
        "id": "up",
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "cost": 0.5},
    },
]
ANTHROPIC = [
    {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 5, "brand_new": 1}}},
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "s"},
    ),
    *block(
        1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hel"}, {"type": "text_delta", "text": "lo"}
    ),
    *block(2, {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}),
    *block(
        3,
        USED,
        {"type": "input_json_delta", "partial_json": '{"a":'},
        {"type": "input_json_delta", "partial_json": "1}"},
    ),
    *block(4, {**USED, "id": "t2"}, {"type": "input_json_delta", "partial_json": ""}),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}, "brand_new": 1},
    {"type": "message_stop"},
]
GEMINI = [
    {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}}], "modelVersion": "g", "responseId": "r"},
    {"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "brand_new": 1}]},
    {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]}}]},
    {
        "candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "trafficType": "ON_DEMAND"},
    },
]
OLLAMA = [
    {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": False, "brand_new": 1},
    {
        "model": "m",
        "message": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        "done": False,
    },
    {
        "model": "m",
        "message": {"content": ""},
        "done": True,
        "done_reason": "stop",
        "eval_count": 3,
        "load_duration": 7,
    },
]
GENERATE = [
    {"model": "m", "response": "Hello", "done": False, "brand_new": 1},
    {"model": "m", "response": "", "done": True, "done_reason": "stop", "eval_count": 3, "context": [1, 2]},
]
FORMATS = {
    "openai": ("openai_chat", openai, openai_server, OPENAI, {"stream_options": {"include_usage": True}}),
    "anthropic": ("anthropic_messages", anthropic, anthropic_server, ANTHROPIC, {"messages": []}),
    "gemini": ("gemini", gemini, gemini_server, GEMINI, {"alt": "sse"}),
    "gemini array": ("gemini", gemini, gemini_server, GEMINI, {}),
    "ollama": ("ollama", ollama, ollama_server, OLLAMA, {"model": "m"}),
    "ollama generate": ("ollama", ollama, generate, GENERATE, {"model": "m"}),
}
every = pytest.mark.parametrize("name", FORMATS)


def heard(name, events, **options):
    """What the provider of a format said with these events: the chunks that are told, the whole answer last."""
    origin, client = FORMATS[name][:2]
    draft, read = Draft("k", origin=origin, passing=True, **options), client.reader(Request(messages=()))
    chunks = [draft.add(read(event), event if client.readable(event) else None) for event in events]
    chunks = [chunk for chunk in (*chunks, draft.end()) if chunk]
    answer = draft.answer(name, "m")
    route = Route(name, Endpoint("", "m"))
    return [
        replace(chunks[0], route=route),
        *chunks[1:],
        Chunk(events=draft.passing.take(), origin=origin, answer=answer),
    ]


def told(name, events, fields=None, **options):
    """The events that a client of the format gets."""
    teller = FORMATS[name][2].events("1", "route", Fields(FORMATS[name][4] if fields is None else fields))
    data = b"".join(event for chunk in heard(name, events, **options) for event in teller.of(chunk)) + teller.end()
    return parsed(data)


def parsed(data):
    if data.startswith(b"["):
        return json.loads(data)
    lines = [line.removeprefix("data: ") for line in data.decode().splitlines() if not line.startswith("event: ")]
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


def said(name, events):
    """What a client understands."""
    answer = heard(name, events)[-1].answer
    calls = [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]
    return answer.text, answer.thinking, calls, answer.finish_reason, answer.usage.output_tokens


@every
def test_events_come_back_as_they_came(name):
    assert told(name, FORMATS[name][3]) == FORMATS[name][3]


def test_tokens_that_a_client_did_not_ask_for_are_left_out():
    assert told("openai", OPENAI, fields={}) == OPENAI[:-1]
    counted = [{**event, "usage": None} for event in OPENAI[:-1]]
    assert told("openai", [*counted, OPENAI[-1]], fields={}) == OPENAI[:-1]


def test_tokens_that_a_provider_did_not_send_at_the_end_are_told_by_us():
    *events, last = told("openai", OPENAI[:-1])

    assert events == OPENAI[:-1]
    assert last["usage"]["completion_tokens"] == 0


def test_a_chat_that_shares_a_call_with_a_generate_is_told_as_a_chat():
    teller = ollama_server.events("1", "route", Fields({"model": "m"}))
    data = b"".join(event for chunk in heard("ollama generate", GENERATE) for event in teller.of(chunk))

    assert "".join(line["message"]["content"] for line in parsed(data)) == "Hello"
    assert parsed(data)[-1]["done"] is True


@pytest.mark.parametrize("name", ["gemini", "ollama"])
def test_events_that_another_format_waits_for_are_told_in_its_words(name):
    teller = openai_server.events("1", "route", Fields({}))
    data = b"".join(event for chunk in heard(name, FORMATS[name][3]) for event in teller.of(chunk))

    assert said("openai", parsed(data))[0] == "Hello"


def broken_openai(event, how):
    if not event["choices"]:
        return
    choice = event["choices"][0]
    delta = choice["delta"]
    for one in delta.get("tool_calls", ()):
        if how == "object" and one["function"]["arguments"].startswith('{"a":2'):
            one["function"]["arguments"] = json.loads(one["function"]["arguments"])
        elif how == "place":
            one["index"] = 0
        elif how == "id" and one.get("id") == "c2":
            one["id"] = "c1"
    if how == "object" and delta.get("content"):
        delta["content"] = [{"type": "text", "text": delta["content"]}]
    if how == "finish" and choice["finish_reason"]:
        choice["finish_reason"] = "stop"


def broken_anthropic(event, how):
    match event["type"], how:
        case "content_block_start", "id" if event["content_block"].get("name") == "f":
            event["content_block"]["id"] = ""
        case "content_block_start", "object" if event["index"] == 4:
            event["content_block"]["input"] = {"b": 1}
        case "content_block_delta", "object" if "text" in event["delta"]:
            event["delta"]["text"] = [{"text": event["delta"]["text"]}]
        case "message_start", "place":
            event["message"]["usage"] = {"input_tokens": 0}
        case "message_delta", "finish":
            event["delta"]["stop_reason"] = "end_turn"


def broken_gemini(event, how):
    for part in event["candidates"][0]["content"]["parts"]:
        if how == "object" and "functionCall" in part:
            part["functionCall"]["args"] = '{"a":1}'


def broken_ollama(event, how):
    for one in event["message"].get("tool_calls", ()):
        if how == "object":
            one["function"]["arguments"] = "{}"
    if how == "place" and event["done"]:
        event["message"] = {"content": None}


BREAKING = {"openai": broken_openai, "anthropic": broken_anthropic, "gemini": broken_gemini, "ollama": broken_ollama}


@pytest.mark.parametrize("name", BREAKING)
def test_what_was_mended_is_told_anew_and_what_came_before_it_stands(name):
    @given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["object", "place", "id", "finish"])), max_size=3))
    def holds(faults):
        events = copy.deepcopy(FORMATS[name][3])
        for at, how in dict.fromkeys((at % len(events), how) for at, how in faults):
            BREAKING[name](events[at], how)
        result = told(name, events)
        changed = next((n for n, event in enumerate(events) if event != FORMATS[name][3][n]), None)

        assert said(name, result) == said(name, events)
        assert changed is not None or result == events

    holds()


def test_arguments_that_come_as_an_object_in_the_middle_of_a_call_go_on_in_its_block():
    events = copy.deepcopy(ANTHROPIC)
    at = next(n for n, event in enumerate(events) if event.get("delta", {}).get("partial_json") == "1}")
    events[at]["delta"]["partial_json"] = 5
    events.insert(at + 1, {**events[at], "delta": {"type": "input_json_delta", "partial_json": "}"}})
    result = told("anthropic", events)

    assert result[:at] == events[:at]
    assert said("anthropic", result)[2] == [("f", {"a": 5}), ("f", {})]
    begun = [event["index"] for event in result if event["type"] == "content_block_start"]
    ended = [event["index"] for event in result if event["type"] == "content_block_stop"]
    assert begun == ended == [0, 1, 2, 3, 4]


def test_a_call_beyond_the_one_that_was_allowed_is_not_passed_on():
    result = told("openai", OPENAI, one_call=True)

    assert said("openai", result)[2] == [("f", {"a": 1})]


def test_a_message_that_is_said_twice_is_told_once():
    whole = {"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
    events = [*OPENAI[:4], piece({}, "stop"), whole]

    assert said("openai", told("openai", events))[0] == "Hello"
    ends = [event for event in told("openai", events) if event["choices"] and event["choices"][0]["finish_reason"]]
    assert len(ends) == 1


def test_a_stream_that_begins_late_is_told_from_its_beginning():
    result = told("anthropic", ANTHROPIC[1:])

    assert result[0]["type"] == "message_start"
    assert [event["type"] for event in result].count("message_stop") == 1
    assert said("anthropic", result) == said("anthropic", ANTHROPIC[1:])


def test_a_piece_that_repeats_its_calls_name_is_told_without_it():
    events = copy.deepcopy(OPENAI)
    events[5]["choices"][0]["delta"]["tool_calls"][0] |= {"id": "c1", "function": {"name": "f", "arguments": '{"a":'}}
    names = [
        made["function"].get("name")
        for event in told("openai", events)
        if event["choices"]
        for made in event["choices"][0]["delta"].get("tool_calls", ())
    ]

    assert names == ["f", None, None, "f"]
    assert ToolCall("f", '{"a":1}', "c1") in heard("openai", events)[-1].answer.tool_calls
