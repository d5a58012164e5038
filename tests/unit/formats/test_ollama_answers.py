"""What Ollama's clients are told, read back by our own reader of Ollama."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.ollama import answers, client, generate, server
from samplemind_cli.formats.types import Answer, Chunk, Problem, Text, Thinking, ToolCall, Usage

ASKED = Fields({"model": "tiny"})
ROOMS = pytest.mark.parametrize("room", [server, generate])


def answer(*parts, **changes):
    given = {"provider": "ollama", "model": "m", "key": "k", "finish_reason": "stop"}
    return Answer(parts=parts or (Text("x"),), **{**given, **changes})


def streamed(chunks, room=server):
    events = room.events("1", "ollama/m", ASKED)
    lines = b"".join([*(line for chunk in chunks for line in events.of(chunk)), events.end()])
    return [json.loads(line) for line in lines.splitlines()]


def reread(events):
    draft = Draft("k", origin="ollama")
    for event in events:
        draft.add(client.read(event))
    return draft.answer("ollama", "m")


def test_a_whole_chat_is_one_message():
    call = ToolCall("f", '{"a":1}', "c1")
    found = json.loads(
        server.whole(answer(Thinking("hm"), Text("x"), call, usage=Usage(3, 5), latency_ms=1.5), "1", ASKED)
    )
    assert datetime.fromisoformat(found.pop("created_at")).tzinfo
    assert found == {
        "model": "tiny",
        "message": {
            "role": "assistant",
            "content": "x",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "total_duration": 1_500_000,
        "load_duration": 0,
        "prompt_eval_count": 3,
        "prompt_eval_duration": 0,
        "eval_count": 5,
        "eval_duration": 1_500_000,
    }


def test_a_whole_generate_is_a_response():
    found = json.loads(generate.whole(answer(Thinking("hm"), Text("x")), "1", Fields({})))
    assert (found["model"], found["response"], found["thinking"]) == ("ollama/m", "x", "hm")
    assert "message" not in found


@ROOMS
def test_only_the_last_line_says_that_it_is_done(room):
    lines = streamed([Chunk("a"), Chunk("b"), Chunk(answer=answer(Text("ab"), usage=Usage(1, 2)))], room)
    assert [line["done"] for line in lines] == [False, False, True]
    assert lines[-1]["done_reason"] == "stop"
    assert lines[-1]["prompt_eval_duration"] + lines[-1]["eval_duration"] == lines[-1]["total_duration"] > 0
    assert reread(lines).usage == Usage(1, 2)


@ROOMS
def test_an_answer_out_of_the_cache_is_a_stream_too(room):
    kept = answer(Thinking("hm", origin="ollama"), Text("x"), cached="local")
    found = reread(streamed([Chunk("x", "hm", answer=kept)], room))
    assert found.parts == kept.parts


def test_calls_in_interleaved_pieces_are_told_whole_and_in_order():
    calls = (ToolCall("f", '{"a":1}', "1"), ToolCall("g", "{}", "2"))
    pieces = [
        Chunk(tool_calls=(ToolCall("f", '{"a"', "1", 0),)),
        Chunk(tool_calls=(ToolCall("g", "{}", "2", 1),)),
        Chunk(tool_calls=(ToolCall("", ":1}", "", 0),)),
        Chunk(answer=answer(*calls, finish_reason="tool_calls")),
    ]
    lines = streamed(pieces)
    assert reread(lines).tool_calls == calls
    assert len(lines) == 2


@ROOMS
def test_a_silent_provider_is_bridged_by_a_line_that_says_nothing(room):
    events = room.events("1", "m", ASKED)
    line = json.loads(events.idle())
    assert client.read(line) == Chunk(model="tiny")
    assert events.kind == "application/x-ndjson"
    failed = events.failed(Problem(503, "busy"))
    assert (json.loads(failed), failed[-1:]) == ({"error": "busy"}, b"\n")
    assert client.fault(404, server.error(Problem(404, "model 'x' not found"))).kind == "not_found"


@ROOMS
def test_a_model_that_is_loaded_or_unloaded_gives_its_reason(room):
    for reason in ("load", "unload"):
        found = json.loads(answers.done("tiny", reason, generate=room is generate))
        assert (found["done"], found["done_reason"]) == (True, reason)
        assert ("response" in found) == (room is generate)


def test_probabilities_of_tokens_are_passed_on():
    tokens = ({"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []},)
    for lines in (
        [json.loads(server.whole(answer(logprobs=tokens), "1", ASKED))],
        streamed([Chunk("x", logprobs=tokens), Chunk(answer=answer(logprobs=tokens))]),
        streamed([Chunk("x", answer=answer(logprobs=tokens))]),
    ):
        assert reread(lines).logprobs == tokens


words = st.text(min_size=1, max_size=5)
finishes = st.sampled_from(["length", "refusal", "filtered", "stop", "unknown"])


@given(st.lists(words, max_size=3), st.lists(words, min_size=1, max_size=3), finishes)
def test_whatever_is_streamed_is_read_as_the_same_answer(thoughts, texts, finish):
    thought = (Thinking("".join(thoughts), origin="ollama"),) if thoughts else ()
    found = answer(*thought, Text("".join(texts)), finish_reason=finish, usage=Usage(3, 5))
    live = [*(Chunk(thinking=one) for one in thoughts), *(Chunk(one) for one in texts), Chunk(answer=found)]
    for room in (server, generate):
        for lines in (streamed(live, room), [json.loads(room.whole(found, "1", ASKED))]):
            again = reread(lines)
            assert (again.parts, again.finish_reason, again.usage) == (found.parts, finish, found.usage)
