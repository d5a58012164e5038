"""What Anthropic's clients read: the documented events in their order, one block after the other."""

import json
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.anthropic_messages import client, server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import (
    Answer,
    Chunk,
    Endpoint,
    Message,
    Opaque,
    Problem,
    Request,
    Route,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from samplemind_cli.providers import Provider

FIELDS = Fields({"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "word " * 80}]})
OWN = "anthropic_messages"
SEARCH = Opaque(OWN, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}})
CITED = {"type": "char_location", "cited_text": "c", "document_index": 0}
CITATION = Opaque(OWN, {"type": "citations_delta", "citation": CITED})


def answer(*parts, **changes):
    given = {"provider": "anthropic", "model": "m", "key": "k", "finish_reason": "stop"} | changes
    return Answer(parts=parts, **given)


def parsed(data):
    """The events in a stream's bytes; each is named by its type."""
    found = []
    for event in data.decode().split("\n\n")[:-1]:
        name, value = event.split("\n")
        found.append(json.loads(value.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def streamed(*chunks, model="anthropic/m"):
    events = server.events("1", model, FIELDS)
    return parsed(b"".join(b"".join(events.of(chunk)) for chunk in chunks) + events.end())


def told(events):
    """The blocks of a stream with their deltas; the documented order is held."""
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    blocks = []
    for index, group in groupby(events[1:-2], lambda event: event["index"]):
        start, *deltas, stop = group
        assert (start["type"], stop["type"], index) == ("content_block_start", "content_block_stop", len(blocks))
        assert {delta["type"] for delta in deltas} <= {"content_block_delta"}
        blocks.append((start["content_block"], [delta["delta"] for delta in deltas]))
    return blocks


def arguments(blocks):
    return {
        start["id"]: "".join(delta["partial_json"] for delta in deltas)
        for start, deltas in blocks
        if start["type"] == "tool_use"
    }


def test_a_stream_tells_the_documented_events_in_their_order():
    end = answer(Thinking("hm", "s", OWN), Text("Hello"), usage=Usage(10, 4, 3, 1, 2))
    chunks = [
        Chunk(thinking="hm", usage=Usage(10, 1, 3, cache_write_tokens=2)),
        Chunk(signature="s"),
        Chunk(text="Hel"),
        Chunk(text="lo"),
        Chunk(answer=end),
    ]

    assert streamed(*chunks) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "anthropic/m",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 5,
                    "cache_creation_input_tokens": 2,
                    "cache_read_input_tokens": 3,
                    "output_tokens": 0,
                },
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 5,
                "cache_creation_input_tokens": 2,
                "cache_read_input_tokens": 3,
                "output_tokens": 4,
                "output_tokens_details": {"thinking_tokens": 1},
            },
        },
        {"type": "message_stop"},
    ]


def test_each_event_is_told_as_soon_as_its_chunk_comes():
    events = server.events("1", "ollama/m", FIELDS)

    assert b"".join(events.of(Chunk(text="a"))).endswith(b'"delta":{"type":"text_delta","text":"a"}}\n\n')
    assert [event["delta"]["text"] for event in parsed(b"".join(events.of(Chunk(text="b"))))] == ["b"]
    call = parsed(b"".join(events.of(Chunk(tool_calls=(ToolCall("f", '{"a"', "1", 0),)))))
    assert [event["type"] for event in call] == ["content_block_stop", "content_block_start", "content_block_delta"]


def test_a_prompt_that_nobody_has_counted_yet_is_estimated_in_the_first_event():
    events = streamed(Chunk(text="x"), Chunk(answer=answer(Text("x"), usage=Usage(77, 1))))

    assert events[0]["message"]["usage"]["input_tokens"] == server.count_tokens(FIELDS) == 104
    assert events[-2]["usage"]["input_tokens"] == 77


def test_an_answer_that_nobody_has_counted_is_estimated():
    events = streamed(Chunk(answer=answer(Text("word " * 8), ToolCall("f", '{"a":1}', "1"))))

    assert (events[-2]["usage"]["input_tokens"], events[-2]["usage"]["output_tokens"]) == (104, 13)


def test_pieces_of_calls_that_come_mixed_are_told_one_call_after_the_other():
    chunks = [
        Chunk(text="Both."),
        Chunk(tool_calls=(ToolCall("f", '{"a":', "1", 0),)),
        Chunk(tool_calls=(ToolCall("g", '{"b":', "2", 1),)),
        Chunk(tool_calls=(ToolCall("h", "{}", "3", 2),)),
        Chunk(tool_calls=(ToolCall(arguments="1", index=0), ToolCall(arguments="2}", index=1))),
        Chunk(text="Done?"),
        Chunk(tool_calls=(ToolCall(arguments="}", index=0),)),
        Chunk(answer=answer(finish_reason="tool_calls")),
    ]

    blocks = told(streamed(*chunks))

    assert [start.get("id", start["type"]) for start, _ in blocks] == ["text", "1", "2", "3", "text"]
    assert arguments(blocks) == {"1": '{"a":1}', "2": '{"b":2}', "3": "{}"}


def test_a_call_whose_arguments_are_whole_makes_way_for_the_next():
    events = server.events("1", "openai/m", FIELDS)
    list(events.of(Chunk(tool_calls=(ToolCall("f", '{"a":{}}', "1", 0),))))

    second = parsed(b"".join(events.of(Chunk(tool_calls=(ToolCall("g", "{", "2", 1),)))))

    assert [(event["type"], event["index"]) for event in second] == [
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
    ]


PARTS = st.lists(
    st.one_of(
        st.builds(Text, st.text(min_size=1, max_size=5)),
        st.builds(lambda text, sign: Thinking(text, sign, OWN), st.text(min_size=1, max_size=5), st.sampled_from("st")),
        st.builds(lambda data: Thinking("", data, OWN, redacted=True), st.text(min_size=1, max_size=5)),
        st.builds(
            lambda name, given: ToolCall(name, json.dumps(given)),
            st.sampled_from("fg"),
            st.dictionaries(st.text(max_size=3), st.integers(-(2**80), 2**80) | st.text(max_size=3), max_size=2),
        ),
        st.just(SEARCH),
    ),
    min_size=1,
    max_size=6,
)


def settled(parts):
    """Calls with ids of their own; no two texts in a row, which would be one."""
    found = []
    for part in parts:
        if isinstance(part, ToolCall):
            found.append(ToolCall(part.name, part.arguments, f"toolu_{len(found)}"))
        elif not (isinstance(part, Text) and found and isinstance(found[-1], Text)):
            found.append(part)
    return found


def read_back(events):
    """The parts of an answer as our own client reads and joins them."""
    draft, reader = Draft("k", origin=OWN), client.reader(Request(messages=(Message("user", "x"),)))
    for event in events:
        draft.add(reader(event))
    draft.end()
    return draft.answer("anthropic", "m")


@given(PARTS, st.sampled_from(["stop", "length", "refusal"]))
def test_what_is_streamed_is_read_by_our_own_client_as_the_same_answer(parts, end):
    parts = settled(parts)
    calls = any(isinstance(part, ToolCall) for part in parts)
    if not any(isinstance(part, Text | ToolCall | Opaque) for part in parts):
        parts.append(Text("x"))
    finish = "tool_calls" if calls and end == "stop" else end
    whole = answer(*parts, finish_reason=finish, usage=Usage(9, 3, 2, 1, 1))

    found = read_back(streamed(Chunk(answer=whole)))

    assert list(found.parts) == parts
    assert (found.finish_reason, found.usage) == (whole.finish_reason, whole.usage)
    message = json.loads(server.whole(whole, "1", FIELDS))
    chunk = client.read(message)
    assert chunk.text == whole.text
    assert chunk.thinking == whole.thinking
    assert [(c.name, json.loads(c.arguments)) for c in chunk.tool_calls] == [
        (c.name, json.loads(c.arguments)) for c in whole.tool_calls
    ]
    assert (chunk.finish, chunk.usage) == (whole.finish_reason, whole.usage)


@st.composite
def mixed(draw):
    """Pieces of several calls in any order, each call's own in its order, its head first."""
    calls = draw(
        st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=4), max_size=2), min_size=1, max_size=4)
    )
    queues, heads = [], []
    for place, given_arguments in enumerate(calls):
        words = json.dumps(given_arguments)
        cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=3)))
        pieces = [words[a:b] for a, b in zip([0, *cuts], [*cuts, len(words)], strict=True)]
        heads.append(ToolCall("f", pieces[0], str(place), place))
        queues.append([ToolCall(arguments=piece, index=place) for piece in pieces[1:]])
    found, opened = [], 0
    while opened < len(heads) or any(queues):
        ready = [queue for queue in queues[:opened] if queue]
        if opened < len(heads) and (not ready or draw(st.booleans())):
            found.append(heads[opened])
            opened += 1
        else:
            found.append(draw(st.sampled_from(ready)).pop(0))
    return calls, found


@given(mixed())
def test_pieces_in_any_order_come_out_as_whole_calls_in_theirs(case):
    calls, pieces = case

    blocks = told(streamed(*(Chunk(tool_calls=(piece,)) for piece in pieces), Chunk(answer=answer())))

    assert [json.loads(words) for words in arguments(blocks).values()] == calls


def test_an_answer_out_of_the_cache_is_told_as_a_full_stream():
    whole = answer(
        Thinking("hm", "s", OWN),
        Text("Hi", {}),
        ToolCall("f", "{}", "1"),
        ToolCall("g", '{"a":1}', "2"),
        finish_reason="tool_calls",
        usage=Usage(5, 2),
    )

    events = streamed(Chunk(answer=whole))

    assert [start["type"] for start, _ in told(events)] == ["thinking", "text", "tool_use", "tool_use"]
    assert arguments(told(events)) == {"1": "{}", "2": '{"a":1}'}
    assert events[0]["message"]["usage"]["input_tokens"] == 5
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "end_turn"),
        ({"stop_sequence": "END"}, "stop_sequence"),
        ({"finish_reason": "length"}, "max_tokens"),
        ({"finish_reason": "tool_calls"}, "tool_use"),
        ({"finish_reason": "refusal"}, "refusal"),
        ({"finish_reason": "filtered"}, "refusal"),
        ({"finish_reason": "unknown"}, "end_turn"),
        ({"finish_reason": "length", "parts": (Text("x"), SEARCH)}, "pause_turn"),
    ],
)
def test_every_end_has_a_stop_reason(changes, reason):
    whole = answer(*changes.get("parts", (Text("x"),)), **{k: v for k, v in changes.items() if k != "parts"})

    message = json.loads(server.whole(whole, "1", FIELDS))

    assert (message["stop_reason"], message["stop_sequence"]) == (reason, whole.stop_sequence or None)
    assert streamed(Chunk(answer=whole))[-2]["delta"]["stop_reason"] == reason


def test_a_citation_belongs_to_the_text_before_it():
    chunks = [Chunk(text="so"), Chunk(block=CITATION), Chunk(text=" it is")]
    whole = answer(Text("so"), CITATION, Text("."), CITATION, CITATION)

    assert told(streamed(*chunks, Chunk(answer=whole)))[0] == (
        {"type": "text", "text": ""},
        [
            {"type": "text_delta", "text": "so"},
            {"type": "citations_delta", "citation": CITED},
            {"type": "text_delta", "text": " it is"},
        ],
    )
    assert json.loads(server.whole(whole, "1", FIELDS))["content"] == [
        {"type": "text", "text": "so", "citations": [CITED]},
        {"type": "text", "text": ".", "citations": [CITED, CITED]},
    ]


def test_thinking_of_another_provider_finds_its_way_back_to_it_and_not_to_claude():
    chunks = [Chunk(thinking="hm"), Chunk(signature="sig:n"), Chunk(thinking="ah"), Chunk(text="x")]
    blocks = told(streamed(*chunks, Chunk(answer=answer(Text("x"))), model="gemini/m"))
    back = [
        {"type": "thinking", "thinking": deltas[0]["thinking"], "signature": deltas[-1]["signature"]}
        for start, deltas in blocks
        if start["type"] == "thinking"
    ]

    request = server.read(Fields({"messages": [{"role": "assistant", "content": back}]}))

    assert request.messages[0].parts == (Thinking("hm", "sig:n", "gemini"), Thinking("ah", "", "gemini"))
    sealed = answer(Thinking("", "enc", "openai_responses", redacted=True, id="rs_1"), Text("x"))
    block = json.loads(server.whole(sealed, "1", FIELDS))["content"][0]
    found = server.read(Fields({"messages": [{"role": "assistant", "content": [block]}]})).messages[0].parts
    assert found == (sealed.parts[0],)


def test_who_answers_may_be_known_only_after_a_ping():
    route = Route(Provider.GEMINI, Endpoint("https://x", "flash"))
    events = server.events("1", "auto", FIELDS)

    said = parsed(events.idle() + b"".join(events.of(Chunk(thinking="hm", route=route))))

    assert [event["type"] for event in said][:2] == ["ping", "message_start"]
    assert said[1]["message"]["model"] == "gemini/flash"
    assert b"samplemind:gemini:" in b"".join(events.of(Chunk(text="x")))


def test_blocks_of_another_format_are_left_out():
    whole = answer(Opaque("gemini", {"executableCode": {}}), Text("x"))

    assert [start["type"] for start, _ in told(streamed(Chunk(answer=whole)))] == ["text"]
    assert [block["type"] for block in json.loads(server.whole(whole, "1", FIELDS))["content"]] == ["text"]


def test_an_error_after_the_first_event_is_an_event_and_silence_is_a_ping():
    events = server.events("1", "ollama/m", FIELDS)
    list(events.of(Chunk(text="x")))

    assert parsed(events.idle()) == [{"type": "ping"}]
    assert parsed(events.failed(Problem(529, "busy"))) == [
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    ]
    assert events.kind == "text/event-stream"
