"""Answers and requests as documented but for one value: read as what they are or refused, and never a crash."""

import copy
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.draft import Draft
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats import reading
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.openai_chat import server as openai
from samplemind_cli.formats.types import Endpoint, Request

MISSING = object()
VALUES = (None, "", 0, -1, 1.5, True, [], {}, "x", ["x"], {"a": 1}, [None], [[]], {"type": "x"}, 10**30, MISSING)
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
PIXEL = "iVBORw0KGgo="
URL = {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}
REQUESTS = {
    "openai": (
        openai,
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "image_url", "image_url": URL}]},
                {"role": "assistant", "content": None, "reasoning_content": "t", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "a", "content": "r"},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            "reasoning": {"effort": "low", "max_tokens": 5},
            "thinking": {"type": "enabled", "budget_tokens": 9},
            "stop": ["x"],
        },
    ),
    "anthropic": (
        anthropic,
        {
            "model": "m",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": PIXEL}}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "u", "name": "f", "input": {"a": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "u", "is_error": True}]},
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "f"},
            "thinking": {"type": "enabled", "budget_tokens": 9},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        },
    ),
    "gemini": (
        gemini,
        {
            "contents": [
                {"role": "user", "parts": [{"text": "q"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}, "id": "1"}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "1", "response": {"r": 1}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {"thinkingConfig": {"thinkingBudget": 5}, "responseSchema": {"type": "OBJECT"}},
        },
    ),
    "ollama": (
        ollama,
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "q", "images": [PIXEL]},
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
                {"role": "tool", "content": "r", "tool_name": "f"},
            ],
            "tools": [TOOL],
            "format": {"type": "object"},
            "options": {"temperature": 1, "stop": ["x"], "num_ctx": 5},
            "think": "low",
        },
    ),
}
ENDPOINTS = (Endpoint("https://api.openai.com/v1", "gpt-6", "k"), Endpoint("http://host", "gemini-3", "k"))
PIECE = {"index": 0, "delta": {"content": "hi", "reasoning_content": "t", "tool_calls": [{"index": 0, **CALL}]}}
BLOCK = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
PARTS = [{"text": "t", "thought": True}, {"text": "hi"}, {"functionCall": {"name": "f", "args": {"a": 1}}}]
SAID = {"role": "assistant", "content": "hi", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}
ANSWERS = {
    "openai_chat": [{"choices": [PIECE]}, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}],
    "anthropic_messages": [
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": BLOCK},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    ],
    "gemini": [{"candidates": [{"content": {"parts": PARTS}, "finishReason": "STOP", "index": 0}]}],
    "ollama": [{"message": SAID, "done": False}, {"message": {"content": ""}, "done": True, "done_reason": "stop"}],
}


def places(value, path=()):
    """Every place in a JSON value but the whole of it."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


def spoilt(data, value):
    """The value with one place changed."""
    path, wrong = data.draw(st.sampled_from(list(places(value)))), data.draw(st.sampled_from(VALUES))
    value = copy.deepcopy(value)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    if wrong is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = wrong
    return value


@pytest.mark.parametrize("source", REQUESTS)
def test_a_request_with_one_wrong_value_is_refused_or_told_to_every_provider(source):
    room, body = REQUESTS[source]

    @given(st.data())
    def holds(data):
        with suppress(BadRequestError):
            request = room.read(Fields(spoilt(data, body)))
            for client in CLIENTS.values():
                for endpoint in ENDPOINTS:
                    assert all(isinstance(client.takes(n, request, endpoint), bool) for n in request.wishes)
                    assert reading.packed(client.chat(request, endpoint).json)

    holds()


@pytest.mark.parametrize("origin", ANSWERS)
def test_an_answer_with_one_wrong_value_is_read_or_an_error(origin):
    @given(st.data())
    def holds(data):
        read, draft = CLIENTS[origin].reader(Request(messages=())), Draft("k", origin=origin)
        for event in spoilt(data, ANSWERS[origin]):
            for piece in (found := read(event)).pieces or (found,):
                draft.add(piece)
        draft.end()
        with suppress(ProviderError):
            assert draft.answer("p", "m").parts

    holds()
