"""Completions of before chat: a prompt in, text out."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import client, completions
from samplemind_cli.formats.types import Answer, Chunk, Endpoint, Message, Problem, Route, Text, Thinking, Usage

OTHER = Endpoint("http://x/v1", "m")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return completions.read(Fields({"model": "m", "prompt": "hi", **changes}))


def answer(text="x", **changes):
    known = {"provider": "ollama", "model": "m", "key": "k", "finish_reason": "stop", "usage": Usage(3, 2)}
    return Answer(parts=(Text(text),), **known | changes)


def events(*chunks, **asked):
    teller = completions.events("1", "ollama/m", Fields({"model": "m", "prompt": "hi", **asked}))
    body = b"".join(event for chunk in chunks for event in teller.of(chunk)) + teller.end()
    *told, last = body.decode().removesuffix("\n\n").split("\n\n")
    assert last == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in told]


def test_a_prompt_is_the_users_message_as_in_chat():
    assert read().messages == read(prompt=["hi"]).messages == (Message("user", "hi"),)
    found = read(
        max_tokens=7, stop="END", seed=1, top_p=0.5, presence_penalty=1, logit_bias={"1": 2}, user="me", min_p=1
    )

    body = client.chat(found, OTHER).json
    assert {name: body[name] for name in ("max_tokens", "seed", "top_p", "presence_penalty", "user", "min_p")} == {
        "max_tokens": 7,
        "seed": 1,
        "top_p": 0.5,
        "presence_penalty": 1,
        "user": "me",
        "min_p": 1,
    }
    assert found.needs >= {"logit_bias", "stop"}


def test_what_clients_send_unasked_says_nothing():
    unasked = {"best_of": 1, "echo": False, "suffix": "", "n": 1, "logit_bias": {}, "logprobs": None, "top_p": 1}

    assert read(**unasked) == read()


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ["a", "b"]},
        {"prompt": [1, 2]},
        {"prompt": ""},
        {"prompt": None},
        {"best_of": 2},
        {"echo": True},
        {"suffix": "end"},
        {"logprobs": 0},
        {"messages": []},
        {"tools": [{}]},
        {"response_format": {"type": "json_object"}},
        {"max_tokens": 0},
        {"stop": [""]},
    ],
)
def test_what_cannot_be_honoured_is_named(wrong):
    with pytest.raises(BadRequestError) as refused:
        read(**wrong)
    assert (refused.value.status, refused.value.param) == (400, next(iter(wrong)))


def test_a_whole_completion_is_text_alone():
    kept = answer(others=(answer("y", finish_reason="length"),))
    kept = Answer(**{name: getattr(kept, name) for name in kept.__slots__} | {"parts": (Thinking("hm"), Text("x"))})
    found = json.loads(completions.whole(kept, "1", Fields({})))

    assert (found["id"], found["object"], found["model"]) == ("cmpl-1", "text_completion", "ollama/m")
    assert [(c["index"], c["text"], c["finish_reason"]) for c in found["choices"]] == [
        (0, "x", "stop"),
        (1, "y", "length"),
    ]
    assert found["usage"]["total_tokens"] == 5


def test_a_stream_is_told_live_and_out_of_the_cache():
    live = events(Chunk(thinking="hm"), Chunk("Ba"), Chunk("ch"), Chunk(answer=answer("Bach")))
    cached = events(Chunk(answer=answer("Bach")), stream_options={"include_usage": True})

    assert [event["choices"][0]["text"] for event in live] == ["Ba", "ch", ""]
    assert [event["choices"][0]["finish_reason"] for event in live] == [None, None, "stop"]
    assert [event["choices"][0]["text"] for event in cached[:2]] == ["Bach", ""]
    assert (cached[2]["choices"], cached[2]["usage"]["total_tokens"]) == ([], 5)


def test_several_choices_keep_their_places():
    kept = answer("a", others=(answer("b"),))
    live = events(Chunk("a", others=((1, Chunk("b")),)), Chunk(answer=kept))

    assert [(e["choices"][0]["index"], e["choices"][0]["text"]) for e in live if e["choices"][0]["text"]] == [
        (0, "a"),
        (1, "b"),
    ]
    assert [e["choices"][0]["text"] for e in events(Chunk(answer=kept))] == ["a", "b", "", ""]


def test_a_failure_and_silence_are_told():
    teller = completions.events("1", "ollama/m", Fields({}))

    assert json.loads(teller.failed(Problem(503, "busy", "overloaded")).removeprefix(b"data: "))["error"] == {
        "message": "busy",
        "type": "server_error",
        "param": None,
        "code": "overloaded",
    }
    assert teller.idle().startswith(b":")


@given(st.dictionaries(st.sampled_from(["prompt", "stop", "n", "stream", "logit_bias", "suffix"]), JSON))
def test_whatever_comes_is_read_or_refused(value):
    with suppress(BadRequestError):
        completions.read(Fields(value))


def test_a_client_that_was_pinged_learns_who_answers_from_the_first_chunk():
    teller = completions.events("1", "auto", Fields({"model": "auto", "prompt": "hi"}))
    assert teller.idle()
    first = json.loads(next(iter(teller.of(Chunk("x", route=Route("ollama", OTHER))))).removeprefix(b"data: "))
    assert first["model"] == "ollama/m"
