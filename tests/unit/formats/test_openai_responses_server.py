"""How the body of a response is read, and what of it the providers are told."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.formats import custom_tools
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_responses import client as responses
from samplemind_cli.formats.openai_responses import server
from samplemind_cli.formats.types import Answer, Endpoint, Media, Message, Opaque, Text, Thinking, ToolCall, ToolResult

OFFICIAL = Endpoint("https://api.openai.com/v1", "gpt-x", "k")
OTHER = Endpoint("http://x/v1", "m")
PLAY = {"type": "function", "name": "play", "description": "plays", "parameters": {"type": "object"}, "strict": False}
PATCH = {"type": "custom", "name": "apply_patch", "description": "patches"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return server.read(Fields({"model": "m", "input": "hi", **changes}))


def item(kind, **more):
    return {"type": kind, **more}


def test_a_text_and_one_message_of_it_are_the_same_question():
    parts = [{"type": "input_text", "text": "hi"}]
    same = [
        read(),
        read(input=[{"role": "user", "content": "hi"}]),
        read(input=[item("message", role="user", content=parts, id="msg_1", status="completed")]),
    ]

    assert same[0].messages == (Message("user", "hi"),)
    assert same[0] == same[1] == same[2]


def test_instructions_and_the_developers_word_are_system_messages():
    found = read(instructions="be brief", input=[{"role": "developer", "content": "in rhyme"}])

    assert found.messages == (Message("system", "be brief"), Message("system", "in rhyme"))


def test_what_the_model_said_in_a_row_is_one_turn_and_each_result_a_message():
    conversation = [
        {"role": "user", "content": "go"},
        item("reasoning", id="rs_1", summary=[item("summary_text", text="hm")]),
        item("message", role="assistant", content=[item("output_text", text="I will", annotations=[])], id="m"),
        item("function_call", call_id="1", name="play", arguments='{"a":1}', id="fc"),
        item("custom_tool_call", call_id="2", name="apply_patch", input="*** Begin"),
        item("function_call_output", call_id="1", output="ok"),
        item("custom_tool_call_output", call_id="2", output=[item("input_text", text="done")]),
    ]

    assert read(input=conversation, tools=[PLAY, PATCH]).messages == (
        Message("user", "go"),
        Message(
            "assistant",
            (
                Thinking("hm", origin="openai_responses"),
                Text("I will"),
                ToolCall("play", '{"a":1}', "1"),
                ToolCall("apply_patch", '{"input":"*** Begin"}', "2"),
            ),
        ),
        Message("tool", (ToolResult("1", (Text("ok"),)),)),
        Message("tool", (ToolResult("2", (Text("done"),)),)),
    )


def test_images_files_and_sounds_keep_their_places():
    parts = [
        item("input_image", image_url="data:image/PNG;base64,aGk=", detail="low"),
        item("input_text", text="and"),
        item("input_image", file_id="file-1"),
        item("input_image", image_url="https://x/y.png"),
        item("input_file", filename="a.pdf", file_data="data:application/pdf;base64,aGk="),
        item("input_file", file_url="https://x/y.pdf"),
        item("input_audio", input_audio={"data": "aGk=", "format": "mp3"}),
    ]

    assert read(input=[{"role": "user", "content": parts}]).messages[0].parts == (
        Media("image", "image/png", b"hi", detail="low"),
        Text("and"),
        Media("image", file_id="file-1"),
        Media("image", url="https://x/y.png"),
        Media("file", "application/pdf", b"hi", "a.pdf"),
        Media("file", url="https://x/y.pdf"),
        Media("audio", "audio/mpeg", b"hi"),
    )


def test_the_parameters_are_read_as_chat_completions_have_them():
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "name": "song", "schema": schema, "strict": True}
    found = read(
        temperature=0.5,
        top_p=0.5,
        max_output_tokens=7,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": form, "verbosity": "low"},
        tools=[PLAY],
        parallel_tool_calls=False,
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        top_logprobs=2,
        prompt_cache_key="mine",
        store=False,
        stream_options={"include_obfuscation": False},
    )

    assert (found.temperature, found.top_p, found.max_tokens, found.effort) == (0.5, 0.5, 7, "low")
    assert (found.schema, found.schema_name, found.strict) == (schema, "song", True)
    assert found.parallel_tool_calls is False
    assert found.extra == {"verbosity": "low", "logprobs": True, "top_logprobs": 2}
    assert found.unkeyed == {"prompt_cache_key": "mine", "store": False, "reasoning.summary": "auto"}
    assert found.tools == ({"type": "function", "function": {k: v for k, v in PLAY.items() if k != "type"}},)
    assert {"logprobs", "top_logprobs", "schema", "tools"} < found.needs
    assert "verbosity" in found.wishes


def test_what_clients_send_unasked_says_nothing():
    unasked = {
        "store": True,
        "metadata": {},
        "background": False,
        "truncation": "disabled",
        "top_p": 1,
        "tool_choice": None,
        "previous_response_id": None,
        "conversation": None,
        "include": [],
        "reasoning": {"effort": None, "summary": "auto"},
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "service_tier": "auto",
        "parallel_tool_calls": True,
        "top_logprobs": 0,
    }

    assert replace(read(**unasked), unkeyed={}) == read()


@pytest.mark.parametrize(
    "wrong",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"prompt": {"id": "p"}},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"n": 2},
        {"max_tokens": 7},
        {"input": None},
        {"input": []},
        {"input": ""},
        {"input": 7},
        {"temperature": 3},
        {"max_output_tokens": 0},
        {"include": "reasoning.encrypted_content"},
        {"top_logprobs": 21},
        {"tools": {}},
        {"metadata": "a"},
    ],
)
def test_what_cannot_be_honoured_is_named(wrong):
    with pytest.raises(BadRequestError) as refused:
        read(**wrong)
    assert (refused.value.status, refused.value.param) == (400, next(iter(wrong)))


def test_whether_events_are_wanted_is_true_or_false():
    assert [server.streams(Fields(asked)) for asked in ({}, {"stream": None}, {"stream": True})] == [False, False, True]
    with pytest.raises(BadRequestError):
        server.streams(Fields({"stream": "yes"}))


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"reasoning": {"effort": "lots"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": {"type": "king"}}}}, "text.format.schema"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "image_url"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "king", "content": "hi"}]}, "input[0].role"),
        ({"input": [{"type": "function_call", "name": "play"}]}, "input[0].call_id"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "function", "name": "sing"}, "tools": [PLAY]}, "tool_choice.name"),
    ],
)
def test_a_wrong_inner_field_is_named_by_its_place(wrong, param):
    with pytest.raises(BadRequestError) as refused:
        read(**wrong)
    assert refused.value.param == param


def test_tools_that_only_openai_runs_are_left_out_and_told():
    found = read(tools=[{"type": "web_search"}, PLAY, {"type": "local_shell"}], tool_choice="auto")

    assert found.tools[::2] == ({"type": "web_search"}, {"type": "local_shell"})
    assert found.functions == {"play"}
    assert found.tool_choice == "auto"
    assert found.wishes == {"openai_responses web_search", "openai_responses local_shell"}
    assert not any(openai.takes(name, found, endpoint) for name in found.wishes for endpoint in (OFFICIAL, OTHER))
    for client in (openai, anthropic, gemini, ollama):
        assert "web_search" not in json.dumps(client.chat(found, OTHER).json)


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        ({"tool_choice": {"type": "web_search"}, "tools": [PLAY, {"type": "web_search"}]}, "web_search"),
        ({"tool_choice": "required", "tools": [{"type": "web_search"}]}, "web_search"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "compaction"),
    ],
)
def test_what_only_responses_can_do_must_be_taken(asked, needed):
    found = read(**asked)

    assert f"openai_responses {needed}" in found.needs
    assert not any(client.takes(f"openai_responses {needed}", found, OTHER) for client in (openai, anthropic, gemini))
    assert responses.takes(f"openai_responses {needed}", found, OTHER)


def test_a_custom_tool_is_a_function_of_one_text_that_tells_its_grammar():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: BEGIN"}
    found = read(tools=[{**PATCH, "format": grammar}], tool_choice={"type": "custom", "name": "apply_patch"})
    function = found.tools[0]["function"]

    said = {"name": "apply_patch", "description": "patches"}
    assert custom_tools.described(function) == (said, {"syntax": "lark", "definition": "start: BEGIN"})
    assert list(function["parameters"]["properties"]) == ["input"]
    assert function["description"].startswith("patches\n\n")
    assert "start: BEGIN" in function["description"]
    assert found.tool_choice == {"type": "function", "function": {"name": "apply_patch"}}


def test_the_tools_of_a_namespace_are_functions_with_names_of_their_own():
    space = {"type": "namespace", "name": "mcp__notes__", "description": "d", "tools": [PLAY, PATCH]}
    long = {"type": "namespace", "name": "n" * 60, "description": "d", "tools": [PLAY]}
    found = read(
        tools=[PLAY, space, long],
        input=[item("function_call", call_id="1", namespace="mcp__notes__", name="play", arguments="{}")],
    )
    names = [tool["function"]["name"] for tool in found.tools]

    assert names[:3] == ["play", "mcp__notes__play", "mcp__notes__apply_patch"]
    assert len(names[3]) == 64
    assert found.messages[0].tool_calls[0].name == "mcp__notes__play"


def test_only_the_allowed_tools_may_be_called():
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "apply_patch"}]}
    found = read(tools=[PLAY, PATCH, {"type": "web_search"}], tool_choice=allowed).narrowed()

    assert [tool["function"]["name"] for tool in found.tools] == ["apply_patch"]
    assert found.tool_choice == "required"

    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "notes"}]}
    notes, mail = ({"type": "mcp", "server_label": label, "server_url": "https://x"} for label in ("notes", "mail"))
    assert read(tools=[PLAY, notes, mail], tool_choice=allowed).narrowed().tools == (notes,)


def test_tools_that_items_bring_are_offered_too():
    brought = [
        item("additional_tools", role="developer", tools=[PLAY]),
        item("tool_search_output", tools=[PATCH, PLAY]),
    ]
    found = read(input=[*brought, {"role": "user", "content": "hi"}])

    assert [tool["function"]["name"] for tool in found.tools] == ["play", "apply_patch"]
    assert found.messages == (Message("user", "hi"),)


@pytest.mark.parametrize("sealed", ["gAAAAAforeign", "samplemind:%%", "samplemind:W10="])
def test_a_thought_that_another_server_sealed_is_left_out_and_told(sealed):
    thought = item("reasoning", id="rs", summary=[], encrypted_content=sealed)
    found = read(input=[{"role": "user", "content": "a"}, thought, {"role": "user", "content": "b"}])

    assert isinstance(found.messages[1].parts[0], Opaque)
    assert found.wishes == {"openai_responses reasoning"}
    sent = openai.chat(found, OFFICIAL).json["messages"]
    assert sent == [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]


def test_items_of_openais_own_tools_are_left_out_and_told():
    search = item("web_search_call", id="ws", status="completed", action={"type": "search"})
    found = read(input=[{"role": "user", "content": "a"}, search, {"role": "assistant", "content": "b"}])

    assert found.wishes == {"openai_responses web_search_call"}
    for client, endpoint in ((openai, OFFICIAL), (anthropic, OTHER), (gemini, OTHER), (ollama, OTHER)):
        assert "web_search_call" not in json.dumps(client.chat(found, endpoint).json)


def test_openais_own_words_for_its_prompt_cache_reach_openai_alone():
    found = read(prompt_cache_key="mine", user="me", metadata={"a": "b"}, store=True)

    body = openai.chat(found, OFFICIAL).json
    assert (body["prompt_cache_key"], body["user"]) == ("mine", "me")
    assert not {"metadata", "store"} & set(body)
    assert "prompt_cache_key" not in openai.chat(found, OTHER).json


def test_a_field_that_nobody_documents_is_a_hint_and_in_the_key():
    found = read(brand_new={"a": 1}, text={"shape": "round"}, reasoning={"mode": "pro"})

    assert found.extra == {"brand_new": {"a": 1}, "text.shape": "round", "reasoning.mode": "pro"}
    assert {"brand_new", "text.shape", "reasoning.mode"} <= found.wishes


def test_codex_as_it_is_documented_to_ask_is_read_for_every_provider():
    found = server.read(
        Fields(
            {
                "model": "auto",
                "instructions": "You are Codex",
                "input": [item("message", role="user", content=[item("input_text", text="fix it")])],
                "tools": [
                    PLAY,
                    {**PATCH, "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
                    {"type": "web_search", "external_web_access": False},
                    {"type": "namespace", "name": "mcp__a", "description": "d", "tools": [PLAY]},
                ],
                "tool_choice": "auto",
                "parallel_tool_calls": True,
                "reasoning": {"effort": "high", "summary": "auto"},
                "store": False,
                "stream": True,
                "include": ["reasoning.encrypted_content"],
                "prompt_cache_key": "0199",
                "text": {"verbosity": "low"},
                "client_metadata": {"x": "y"},
            }
        )
    )

    assert found.needs == {"tools"}
    for client in (openai, anthropic, gemini, ollama):
        assert json.dumps(client.chat(found, OTHER).json)


@given(
    st.dictionaries(
        st.sampled_from(["input", "tools", "tool_choice", "text", "reasoning", "include", "instructions", "top_p"]),
        JSON,
    )
)
def test_whatever_comes_is_read_or_refused(value):
    with suppress(BadRequestError):
        server.read(Fields(value))


@given(st.lists(JSON | st.dictionaries(st.sampled_from(["type", "role", "content", "output", "tools"]), JSON)))
def test_whatever_items_come_they_are_read_or_refused(values):
    kinds = ["message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "tool_search_output"]
    for n, value in enumerate(values):
        if isinstance(value, dict) and n % 2:
            values[n] = {"call_id": "1", "name": "play", **value, "type": kinds[n % len(kinds)]}
    with suppress(BadRequestError):
        server.read(Fields({"input": values}))


def test_integers_beyond_64_bits_are_told_again_as_they_came():
    fields = Fields({"model": "m", "input": "hi", "tools": [{**PLAY, "parameters": {"maximum": 10**30}}]})
    answer = Answer(parts=(Text("x"),), provider="ollama", model="m", key="k", finish_reason="stop")

    assert b"%d" % 10**30 in server.whole(answer, "1", fields)
