"""The parts of an answer stay in the order in which they were said, streamed or whole, fresh or out of the cache."""

import json

import pytest
from parts.scripted import JSON, SSE, events, provider

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.formats.anthropic_messages import server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Opaque, Text, Thinking, ToolCall
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
CITED = {"type": "char_location", "cited_text": "x", "document_index": 0}
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
BLOCKS = [
    {"type": "thinking", "thinking": "one", "signature": "first"},
    {"type": "redacted_thinking", "data": "hidden"},
    {"type": "text", "text": "Let me search."},
    SEARCH,
    FOUND,
    {"type": "thinking", "thinking": "two", "signature": "second"},
    {"type": "text", "text": "It says so.", "citations": [CITED, {**CITED, "document_index": 1}]},
    {"type": "text", "text": " And more."},
    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}},
    {"type": "text", "text": "Done."},
    {"type": "tool_use", "id": "t2", "name": "weather", "input": {}},
]
both = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


def claude(*, stream):
    head = {"id": "m", "type": "message", "role": "assistant", "model": "m"}
    end, usage = {"stop_reason": "tool_use"}, {"input_tokens": 5, "output_tokens": 9}
    if not stream:
        return json.dumps({**head, "content": BLOCKS, **end, "usage": usage}), JSON
    told = [{"type": "message_start", "message": {**head, "content": [], "usage": usage}}]
    for index, block in enumerate(BLOCKS):
        pieces = [{"type": "citations_delta", "citation": one} for one in block.get("citations", ())]
        begun = {name: value for name, value in block.items() if name != "citations"}
        told.append({"type": "content_block_start", "index": index, "content_block": begun})
        told += [{"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces]
        told.append({"type": "content_block_stop", "index": index})
    return events(*told, {"type": "message_delta", "delta": end}, {"type": "message_stop"}, named=True), SSE


def ask(server_, folder, name):
    settings = Settings(**{f"{name}_base_url": server_.url, f"{name}_api_key": "k"}, cache_dir=str(folder))
    question = Request(messages=(Message("user", "q"),))
    return [AICore(settings).ask_sync(question, Options(provider=name)) for _ in range(2)]


@both
def test_claudes_blocks_keep_their_order_and_their_citations(tmp_path, stream):
    body, kind = claude(stream=stream)
    with provider(body, kind=kind) as upstream:
        fresh, cached = ask(upstream, tmp_path, "anthropic")

    assert fresh.parts == cached.parts
    assert [type(part) for part in fresh.parts] == [
        Thinking, Thinking, Text, Opaque, Opaque, Thinking, Text, Opaque, Opaque, Text, ToolCall, Text, ToolCall,
    ]  # fmt: skip
    assert [part.signature for part in fresh.parts if isinstance(part, Thinking)] == ["first", "hidden", "second"]


@both
def test_claudes_own_clients_get_the_blocks_back_as_they_were(tmp_path, stream):
    body, kind = claude(stream=stream)
    with provider(body, kind=kind) as upstream:
        fresh, cached = ask(upstream, tmp_path, "anthropic")

    for answer in (fresh, cached):
        assert json.loads(server.whole(answer, "1", Fields({})))["content"] == BLOCKS


@both
def test_geminis_parts_keep_their_order(tmp_path, stream):
    parts = [
        {"text": "hm", "thought": True, "thoughtSignature": "s"},
        {"text": "One."},
        {"functionCall": {"name": "a", "args": {}}},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"text": "Two."},
        {"functionCall": {"name": "b", "args": {}}},
    ]
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    body, kind = (events(whole), SSE) if stream else (json.dumps([whole]), JSON)
    with provider(body, kind=kind) as upstream:
        fresh, cached = ask(upstream, tmp_path, "gemini")

    assert fresh.parts == cached.parts
    assert [type(part) for part in fresh.parts] == [Thinking, Text, ToolCall, Opaque, Text, ToolCall]
    assert [part.text for part in fresh.parts if isinstance(part, Text)] == ["One.", "Two."]
