"""Answers of public reports and their like that no document describes: read as what they are meant to be."""

import json

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.streams import Decoder
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats.types import Message, Opaque, Request

TOOLS = tuple({"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "now"))
ASKED = Request(messages=(Message("user", "q"),), tools=TOOLS)
ROME = '{"city":"Rome"}'
FUNCTION = {"name": "weather", "arguments": ROME}
CALL = {"index": 0, "id": "a", "function": FUNCTION}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CITATION = {"type": "web_search_result_location", "url": "https://x", "title": "t", "cited_text": "c"}


def read(format_name, events):
    """The answer in the events, or in the bytes of a stream. Raises ProviderError."""
    if isinstance(events, str):
        decoder = Decoder("text/event-stream")
        events = [*decoder.feed(events.encode()), *decoder.end()]
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


ONE = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
WEATHER = {"calls": [["weather", {"city": "Rome"}]], "end": "tool_calls"}
HI = {"text": "hi", "end": "stop"}
CHAT = {
    "arguments before the name": (
        choice(
            {"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": '{"city":'}}]},
            {"tool_calls": [{"index": 0, "function": {"name": "weather", "arguments": '"Rome"}'}}]},
            end="tool_calls",
        ),
        WEATHER,
    ),
    "a list as PHP writes it": (choice({"tool_calls": {"0": CALL}}, end="tool_calls"), WEATHER),
    "a list as PHP writes it, whole": (
        [{"choices": {"0": {"message": {"tool_calls": {"1": CALL}}, "finish_reason": "tool_calls"}}}],
        WEATHER,
    ),
    "a function's name alone": (
        choice({"tool_calls": [{"index": 0, "id": "a", "function": "weather", "arguments": ROME}]}, end="tool_calls"),
        WEATHER,
    ),
    "a text and its calls in two choices": (
        [
            {
                "choices": [
                    {"index": 0, "message": {"content": "so", "tool_calls": []}, "finish_reason": "tool_calls"},
                    {"index": 0, "message": {"content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"},
                ]
            }
        ],
        {"text": "so", **WEATHER},
    ),
    "the same, streamed": (
        [
            {"choices": [{"index": 0, "delta": {"content": "so"}}, {"index": 0, "delta": {"tool_calls": [CALL]}}]},
            *choice(end="tool_calls"),
        ],
        {"text": "so", **WEATHER},
    ),
    "a delta that is text": ([{"choices": [{"index": 0, "delta": "hi", "finish_reason": "stop"}]}], HI),
    "a delta that is parts": ([{"choices": [{"delta": [{"content": "hi"}], "finish_reason": "stop"}]}], HI),
    "a message that is text": ([{"choices": [{"index": 0, "message": "hi", "finish_reason": "stop"}]}], HI),
    "content beside the end": ([{"choices": [{"index": 0, "content": "hi", "finish_reason": "stop"}]}], HI),
    "a refusal in parts": (choice({"refusal": [{"text": "no"}]}), {"text": "no", "end": "refusal"}),
    "Copilot's thought": (choice({"reasoning_text": "hm"}, {"content": "hi"}), {"thinking": "hm", **HI}),
    "LiteLLM's thought": (
        choice({"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}, {"content": "hi"}),
        {"thinking": "hm", **HI},
    ),
    "a thought told in two fields": (
        choice(
            {"reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]}, {"content": "hi"}
        ),
        {"thinking": "hm", **HI},
    ),
    "a picture among the parts": (
        choice({"content": [PICTURE, {"type": "text", "text": "hi"}]}),
        {"blocks": [{"images": [PICTURE]}], **HI},
    ),
    "GLM's filter": (choice({"content": "hi"}, end="sensitive"), {"text": "hi", "end": "filtered"}),
    "an end in lower case": (f"{ONE}data: [done]\n\n", HI),
    "an end without brackets": (f"{ONE}data: DONE\n\n", HI),
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
GEMINI = {
    "a picture that is prohibited": (
        [{"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "IMAGE_PROHIBITED_CONTENT"}]}],
        {"text": "hi", "end": "filtered"},
    )
}
SHAPES = [
    (name, *shape)
    for name, shapes in (
        ("openai_chat", CHAT),
        ("openai_responses", RESPONSES),
        ("anthropic_messages", ANTHROPIC),
        ("gemini", GEMINI),
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
