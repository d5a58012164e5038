"""What Ollama's clients send: read, and sent on to Ollama as the same body."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.ollama import catalog, client, embeddings, generate, server
from samplemind_cli.formats.types import (
    Embeddings,
    Endpoint,
    Media,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

OLLAMA = Endpoint("http://x", "tiny")
HI = [{"role": "user", "content": "hi"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return server.read(Fields({"model": "tiny", "messages": HI, **changes}))


def prompted(**changes):
    return generate.read(Fields({"model": "tiny", "prompt": "hi", **changes}))


def test_a_conversation_is_read():
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look", "images": ["iVBORw0KGgo="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "tool_name": "f", "content": "3"},
    ]
    assert read(messages=messages).messages == (
        Message("system", "be brief"),
        Message("user", (Text("look"), Media("image", "image/png", b"\x89PNG\r\n\x1a\n"))),
        Message("assistant", (Thinking("hm", origin="ollama"), ToolCall("f", '{"a":1}'))),
        Message("tool", (ToolResult("", (Text("3"),), name="f"),)),
    )


def test_a_prompt_is_a_conversation_of_one_turn():
    found = prompted(system="be brief", images=["iVBORw0KGgo="])
    assert found.messages == (
        Message("system", "be brief"),
        Message("user", (Text("hi"), Media("image", "image/png", b"\x89PNG\r\n\x1a\n"))),
    )
    assert prompted().messages == read().messages


def test_options_are_translated_and_endless_means_unbounded():
    found = read(options={"temperature": 0.5, "num_predict": 9, "seed": 1, "stop": "E", "top_k": 4, "num_ctx": 8192})
    assert (found.temperature, found.max_tokens, found.seed, found.stop) == (0.5, 9, 1, ("E",))
    assert (found.needs, found.wishes) == ({"stop", "seed", "top_k"}, {"temperature", "num_ctx"})
    for longest in (-2, -1, 0):
        assert read(options={"num_predict": longest, "seed": -1}) == read()


def test_how_the_daemon_runs_a_model_changes_no_answer():
    found = read(keep_alive="5m", options={"num_gpu": 1, "num_thread": 2}, truncate=True)
    assert (found.extra, found.needs, found.wishes) == ({}, frozenset(), frozenset())
    sent = client.chat(found, OLLAMA).json
    assert (sent["keep_alive"], sent["options"]) == ("5m", {"num_gpu": 1, "num_thread": 2})
    assert sent["truncate"] is False


@pytest.mark.parametrize(
    ("think", "effort", "kept"), [(True, "medium", {}), (False, "none", {}), ("high", "high", {"think": "high"})]
)
def test_thinking_is_translated(think, effort, kept):
    found = read(think=think)
    assert (found.effort, found.extra) == (effort, kept)
    assert client.chat(found, OLLAMA).json["think"] == think


def test_a_format_is_a_schema_or_any_object():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert read(format=schema).schema == schema
    assert read(format="json").json_mode
    assert read(format="") == read()


def test_a_raw_prompt_and_a_suffix_are_constraints_that_only_generate_takes():
    found = prompted(raw=True, suffix="end", system=None, brand_new=1)
    assert found.needs == {"raw", "suffix"}
    call = client.chat(found, OLLAMA)
    assert call.url == "http://x/api/generate"
    assert (call.json["prompt"], call.json["raw"], call.json["suffix"]) == ("hi", True, "end")
    assert "messages" not in call.json


@pytest.mark.parametrize(
    ("room", "body", "field"),
    [
        (server, {"messages": []}, "messages"),
        (server, {"messages": [{"role": "king"}]}, "messages[0].role"),
        (server, {"messages": [{"role": "user", "images": ["%"]}]}, "messages[0].images[0]"),
        (server, {"messages": HI, "format": "yaml"}, "format"),
        (server, {"messages": HI, "options": {"temperature": "hot"}}, "options.temperature"),
        (server, {"messages": HI, "think": "lots"}, "think"),
        (generate, {"prompt": ""}, "prompt"),
        (generate, {"prompt": "x", "context": [1, 2]}, "context"),
        (generate, {"prompt": "x", "template": "{{ .Prompt }}"}, "template"),
        (generate, {"prompt": "x", "raw": True, "system": "y"}, "system"),
    ],
)
def test_what_cannot_be_read_is_named(room, body, field):
    with pytest.raises(BadRequestError) as refused:
        room.read(Fields(body))
    assert (refused.value.status, refused.value.param) == (400, field)


def test_a_stream_is_the_default():
    assert server.streams(Fields({}))
    assert not server.streams(Fields({"stream": False}))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"prompt": "", "keep_alive": 0}, "unload"),
        ({"keep_alive": "0"}, "unload"),
        ({"messages": [], "keep_alive": "0s"}, "unload"),
        ({"prompt": "", "keep_alive": 0.0}, "unload"),
        ({"prompt": ""}, "load"),
        ({"messages": [], "keep_alive": "5m"}, "load"),
        ({"keep_alive": "-1"}, "load"),
        ({"keep_alive": "10m"}, "load"),
        ({"keep_alive": False}, "load"),
        ({"prompt": "x", "keep_alive": 0}, ""),
        ({"messages": HI, "keep_alive": 0}, ""),
        ({"images": ["x"]}, ""),
    ],
)
def test_a_body_without_a_question_loads_or_unloads_the_model(body, word):
    assert server.loads(Fields(body)) == generate.loads(Fields(body)) == word


words = st.text(min_size=1, max_size=9)
objects = st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=4), max_size=2)
pictures = st.sampled_from([{}, {"images": ["iVBORw0KGgo=", "R0lGODlh"]}])


@st.composite
def conversations(draw):
    turns = [{"role": "system", "content": draw(words)}]
    for n in range(draw(st.integers(1, 2))):
        turns.append({"role": "user", "content": draw(words), **draw(pictures)})
        calls = [
            {"id": f"c{n}.{m}", "function": {"name": f"f{m}", "arguments": draw(objects)}}
            for m in range(draw(st.integers(0, 2)))
        ]
        thought = draw(st.sampled_from([{}, {"thinking": "hm"}]))
        turns.append(
            {"role": "assistant", "content": draw(words), **thought, **({"tool_calls": calls} if calls else {})}
        )
        turns += [
            {
                "role": "tool",
                "content": draw(words),
                "tool_name": call["function"]["name"],
                "tool_call_id": call["id"],
                **draw(pictures),
            }
            for call in calls
        ]
    return turns


options = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 9),
        "min_p": st.floats(0, 1),
        "num_predict": st.integers(1, 9),
        "num_ctx": st.integers(1, 9),
        "num_gpu": st.integers(1, 9),
        "stop": st.lists(words, min_size=1, max_size=5),
        "seed": st.integers(0, 9),
        "presence_penalty": st.floats(0.5, 1),
        "repeat_penalty": st.floats(0, 2),
        "mirostat": st.integers(0, 2),
        "brand_new": st.just({}),
    },
)
SHARED = {
    "options": options.map(lambda found: found or {"top_k": 1}),
    "format": st.sampled_from(["json", {"type": "object"}]),
    "think": st.sampled_from([True, False, "low", "max"]),
    "keep_alive": st.sampled_from([0, "5m", -1]),
    "logprobs": st.just(True),
    "top_logprobs": st.integers(1, 3),
    "shift": st.booleans(),
    "brand_new": st.just({"a": None}),
}
TOOLS = [{"type": "function", "function": {"name": "f0", "description": "does", "parameters": {"type": "object"}}}]
chats = st.fixed_dictionaries({"messages": conversations()}, optional={**SHARED, "tools": st.just(TOOLS)})
prompts = st.fixed_dictionaries(
    {"prompt": words, "suffix": words},
    optional={**SHARED, "system": words.filter(str.strip), "images": st.just(["R0lGODlh"])},
)


@pytest.mark.parametrize(("room", "body"), [(server, chats), (generate, prompts)])
@given(data=st.data())
def test_ollama_is_sent_what_its_client_sent(room, body, data):
    given_body = data.draw(body)
    sent = client.chat(room.read(Fields(given_body)), OLLAMA).json
    assert sent == {"model": "tiny", "stream": True, "truncate": False, **given_body}


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messages",
                "tools",
                "format",
                "options",
                "stream",
                "think",
                "prompt",
                "images",
                "keep_alive",
                "input",
                "raw",
            ]
        ),
        JSON,
    )
)
def test_whatever_comes_is_read_or_refused(value):
    for read_it in (server.read, generate.read, embeddings.texts, server.loads, embeddings.dimensions):
        with suppress(BadRequestError):
            read_it(Fields(value))


MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(server.ROLES)},
    optional=dict.fromkeys(("content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking", "x"), JSON),
)


@given(st.lists(MESSAGES, max_size=2), st.lists(st.fixed_dictionaries({"function": JSON}), max_size=1))
def test_whatever_messages_come_are_read_or_refused(messages, calls):
    with suppress(BadRequestError):
        server.read(Fields({"messages": [*messages, {"role": "assistant", "tool_calls": calls}]}))


def test_the_lists_of_models_hold_what_clients_read():
    known = catalog.Known(name="ollama/tiny", capabilities=("completion", "tools"), context_length=2048, family="llama")
    entry = json.loads(catalog.tags([known]))["models"][0]
    assert entry["name"] == entry["model"] == "ollama/tiny"
    assert len(entry["digest"]) == 64
    assert entry["details"]["families"] == ["llama"]
    assert client.read_models({"models": [entry]}) == ["ollama/tiny"]
    assert json.loads(catalog.running([known]))["models"][0]["context_length"] == 2048
    shown = json.loads(catalog.show(known))
    assert shown["model_info"]["llama.context_length"] == 2048
    assert shown["capabilities"] == ["completion", "tools"]
    assert shown["parameters"].split() == ["num_ctx", "2048"]
    assert [int(number) for number in json.loads(catalog.version())["version"].split(".")]


def test_embeddings_are_asked_for_in_both_ways():
    assert embeddings.texts(Fields({"input": "a"})) == embeddings.texts(Fields({"prompt": "a"})) == ["a"]
    assert embeddings.texts(Fields({"input": ["a", "b"]})) == ["a", "b"]
    assert embeddings.dimensions(Fields({"dimensions": 5})) == 5
    found = Embeddings(vectors=((0.5, 1.0),), provider="p", model="m", tokens=3)
    told = json.loads(embeddings.response(found, Fields({"model": "m"}), 7))
    assert client.read_embeddings(told) == ([[0.5, 1.0]], 3)
    uncounted = Embeddings(vectors=((0.5,),), provider="p", model="m", tokens=None)
    assert json.loads(embeddings.response(uncounted, Fields({}), 7))["prompt_eval_count"] == 0
    assert json.loads(embeddings.single_response(found)) == {"embedding": [0.5, 1.0]}
    for wrong in ({}, {"input": ""}, {"input": [[1, 2]]}, {"input": []}):
        with pytest.raises(BadRequestError):
            embeddings.texts(Fields(wrong))
