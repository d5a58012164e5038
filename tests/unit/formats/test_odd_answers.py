"""Answers that no document describes and `shapes.json` has no words for: of responses, and with blocks beside them."""

import json

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.draft import Draft
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats.types import Message, Opaque, Request

TOOLS = tuple({"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "now"))
ASKED = Request(messages=(Message("user", "q"),), tools=TOOLS)
ROME = '{"city":"Rome"}'
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CITATION = {"type": "web_search_result_location", "url": "https://x", "title": "t", "cited_text": "c"}


def read(format_name, events):
    """The answer in the events. Raises ProviderError."""
    reader, draft = CLIENTS[format_name].reader(ASKED), Draft("k", origin=format_name)
    for event in events:
        chunk = reader(event)
        for piece in chunk.pieces or (chunk,):
            if piece.fault:
                raise ProviderError(piece.fault.message)
            draft.add(piece)
    draft.end()
    return draft.answer("p", "m")


def said(answer):
    calls = [[call.name, json.loads(call.arguments)] for call in answer.tool_calls]
    blocks = [dict(part.value) for part in answer.parts if isinstance(part, Opaque)]
    known = {"text": answer.text, "thinking": answer.thinking, "calls": calls, "blocks": blocks}
    return {name: value for name, value in known.items() if value} | {"end": answer.finish_reason}


def choice(*deltas, end="stop"):
    events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": end}]}]


def response(*events, status="completed"):
    whole = {"id": "r", "object": "response", "status": status, "output": []}
    return [{"type": "response.created", "response": whole}, *events, {"type": "response.completed", "response": whole}]


def added(**item):
    return {"type": "response.output_item.added", "output_index": 0, "item": {"id": "i", **item}}


def done(kind, **fields):
    return {"type": f"response.{kind}.done", "item_id": "i", "output_index": 0, "content_index": 0, **fields}


WEATHER = {"calls": [["weather", {"city": "Rome"}]], "end": "tool_calls"}
HI = {"text": "hi", "end": "stop"}
CHAT = {
    "a picture among the parts": (
        choice({"content": [PICTURE, {"type": "text", "text": "hi"}]}),
        {"blocks": [{"images": [PICTURE]}], **HI},
    ),
}
RESPONSES = {
    "arguments that only their end says": (
        response(
            added(type="function_call", call_id="a", name="weather", arguments=""),
            done("function_call_arguments", arguments=ROME),
        ),
        WEATHER,
    ),
    "arguments in pieces and at the end": (
        response(
            added(type="function_call", call_id="a", name="weather", arguments=""),
            {"type": "response.function_call_arguments.delta", "item_id": "i", "output_index": 0, "delta": '{"city":'},
            done("function_call_arguments", arguments=ROME),
        ),
        WEATHER,
    ),
    "a text that only its end says": (response(done("output_text", text="hi")), HI),
    "a text in pieces and at the end": (
        response(
            {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "h"},
            done("output_text", text="hi"),
        ),
        HI,
    ),
    "a thought that only its end says": (
        response(done("reasoning_text", text="hm"), done("output_text", text="hi", output_index=1)),
        {"thinking": "hm", **HI},
    ),
    "a thought by its first name": (
        response(
            {"type": "response.reasoning.delta", "item_id": "i", "output_index": 0, "delta": "hm"},
            done("output_text", text="hi", output_index=1),
        ),
        {"thinking": "hm", **HI},
    ),
    "an end that is called done": (
        [
            *response(done("output_text", text="hi"))[:-1],
            {"type": "response.done", "response": {"status": "completed"}},
        ],
        HI,
    ),
}
TEXT = {"type": "text", "text": "hi", "citations": [CITATION]}
ANTHROPIC = {
    "citations in a block's beginning": (
        [
            {"type": "content_block_start", "index": 0, "content_block": TEXT},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        ],
        {"blocks": [{"type": "citations_delta", "citation": CITATION}], **HI},
    )
}
SHAPES = [
    (name, *shape)
    for name, shapes in (
        ("openai_chat", CHAT),
        ("openai_responses", RESPONSES),
        ("anthropic_messages", ANTHROPIC),
    )
    for shape in ((about, *pair) for about, pair in shapes.items())
]


@pytest.mark.parametrize(("format_name", "about", "events", "meant"), SHAPES, ids=[f"{s[0]}: {s[1]}" for s in SHAPES])
def test_an_odd_answer_is_read_as_it_is_meant(format_name, about, events, meant):
    del about
    assert said(read(format_name, events)) == meant


@pytest.mark.parametrize(
    ("format_name", "events"),
    [
        ("openai_chat", choice({"content": "hi"}, end="network_error")),
        ("gemini", [{"candidates": [{"content": {}, "finishReason": "MISSING_THOUGHT_SIGNATURE"}]}]),
        ("gemini", [{"candidates": [{"content": {}, "finishReason": "IMAGE_OTHER"}]}]),
    ],
)
def test_an_end_that_leaves_no_answer_is_an_error_that_names_it(format_name, events):
    with pytest.raises(ProviderError, match=r"(?i)network_error|missing_thought_signature|image_other"):
        read(format_name, events)
