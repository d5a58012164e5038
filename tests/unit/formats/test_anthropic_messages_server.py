"""Anthropic's clients: what they send is read, and goes on to Claude as it came."""

import inspect
import json
from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.cache import prompt_fingerprint
from samplemind_cli.ai.question import payload
from samplemind_cli.formats.anthropic_messages import client, server
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import server as openai_server
from samplemind_cli.formats.types import (
    Endpoint,
    Media,
    Message,
    Opaque,
    Problem,
    Route,
    Server,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from samplemind_cli.providers import Provider

HI = [{"role": "user", "content": "hi"}]
CLAUDE = Endpoint("https://api.anthropic.com", "claude-sonnet-5-5", "k")
OTHERS = (openai, gemini, ollama)
MARK = {"type": "ephemeral"}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
PLAY = {"name": "play", "description": "plays", "input_schema": {"type": "object", "properties": {}}}
PNG = b64encode(b"\x89PNG").decode()
ATTRIBUTION = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.190; cc_entrypoint=cli; cch=1a2b3;"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return server.read(Fields({"model": "m", "max_tokens": 9, "messages": HI, **changes}))


def turn(*blocks, role="user"):
    return [{"role": role, "content": list(blocks)}]


def sent(adapter=client, endpoint=CLAUDE, **changes):
    return json.loads(json.dumps(adapter.chat(read(**changes), endpoint).json))


def key(request):
    return prompt_fingerprint(payload(Route(Provider.CLAUDE, CLAUDE), request))


def dropped(adapter, **changes):
    request = read(**changes)
    return {
        name for name in request.wishes if not adapter.takes(name, request, Endpoint("https://api.openai.com", "m"))
    }


def test_the_room_offers_what_every_server_promises():
    for name in ("read", "streams", "whole", "events", "error"):
        promised = list(inspect.signature(getattr(Server, name)).parameters)[1:]  # without self
        assert list(inspect.signature(getattr(server, name)).parameters) == promised


def test_a_conversation_with_tools_is_read_as_in_the_other_formats():
    messages = [
        {"role": "user", "content": "play it"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "r"},
                {"type": "text", "text": "Yes."},
                {"type": "tool_use", "id": "t1", "name": "play", "input": {"loud": True}},
                {"type": "tool_use", "id": "t2", "name": "stop", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "ok"},
                {"type": "tool_result", "tool_use_id": "t2", "is_error": True},
                {"type": "text", "text": "And?"},
            ],
        },
    ]

    assert read(messages=messages, system="be brief").messages == (
        Message("system", "be brief"),
        Message("user", "play it"),
        Message(
            "assistant",
            (
                Thinking("hm", "s", "anthropic_messages"),
                Thinking("", "r", "anthropic_messages", redacted=True),
                Text("Yes."),
                ToolCall("play", '{"loud":true}', "t1"),
                ToolCall("stop", "{}", "t2"),
            ),
        ),
        Message("tool", (ToolResult("t1", (Text("ok"),)),)),
        Message("tool", (ToolResult("t2", failed=True),)),
        Message("user", "And?"),
    )


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            Media("image", "image/png", b"\x89PNG"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, Media("image", url="https://x/y.png")),
        ({"type": "image", "source": {"type": "file", "file_id": "f1"}}, Media("image", file_id="f1")),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
                "title": "a.pdf",
                "context": "old",
            },
            Media("file", "application/pdf", b"\x89PNG", "a.pdf", hints={"context": "old"}),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            Media("file", "text/plain", b"words"),
        ),
        ({"type": "text", "text": "x", "cache_control": MARK, "citations": None}, Text("x", {"cache_control": MARK})),
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            Opaque("anthropic_messages", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        ),
        (
            {"type": "image", "source": {"type": "brand_new"}},
            Opaque("anthropic_messages", {"type": "image", "source": {"type": "brand_new"}}),
        ),
    ],
)
def test_each_kind_of_block_is_read_and_goes_to_claude_as_it_came(block, part):
    assert read(messages=turn(block)).messages[0].parts == (part,)
    assert sent(messages=turn(block))["messages"][0]["content"] == [block]


def test_a_media_type_is_read_whatever_its_case():
    source = {"type": "base64", "media_type": "image/PNG", "data": PNG}
    assert read(messages=turn({"type": "image", "source": source})).messages[0].media[0].media_type == "image/png"


def test_what_only_claude_knows_inside_of_a_result_or_a_document_goes_to_claude_and_its_words_to_everyone():
    found = {"type": "search_result", "source": "https://x", "title": "T", "content": [{"type": "text", "text": "W"}]}
    reference = {"type": "tool_reference", "tool_name": "play"}
    quoted = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Q"}]}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [found, reference]}
    call = {"type": "tool_use", "id": "t1", "name": "play", "input": {}}
    messages = [*turn(call, role="assistant"), *turn(result, quoted)]

    assert sent(messages=messages)["messages"] == messages
    told = sent(openai, messages=messages)["messages"]
    assert told[1] == {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "T\nhttps://x\nW"}]}
    assert told[2]["content"][0]["file"]["file_data"] == "data:text/plain;base64," + b64encode(b"Q").decode()
    assert {"search_result", "anthropic_messages tool_reference"} <= dropped(openai, messages=messages)


def test_every_field_goes_to_claude_as_it_came():
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": [
            *turn({"type": "text", "text": "one"}, {"type": "text", "text": "two", "cache_control": MARK}),
            *turn(
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "r"},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
                {"type": "text", "text": "so", "citations": [{"type": "char_location", "cited_text": "c"}]},
                {"type": "tool_use", "id": "t1", "name": "play", "input": {}, "caller": {"type": "direct"}},
                role="assistant",
            ),
            *turn(
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    "cache_control": MARK,
                }
            ),
            *turn({"type": "text", "text": "from now on in French"}, role="system"),
            *turn({"type": "text", "text": "go on"}),
        ],
        "system": [{"type": "text", "text": "x" * 5000}, {"type": "text", "text": "y"}],
        "stream": True,
        "stop_sequences": ["END"],
        "temperature": 0.5,
        "top_k": 5,
        "metadata": {"user_id": "u"},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {
            "effort": "xhigh",
            "task_budget": 5,
            "format": {"type": "json_schema", "schema": {"type": "object"}},
        },
        "context_management": {"edits": []},
        "cache_control": MARK,
        "mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}],
        "tools": [{**PLAY, "strict": True, "defer_loading": True, "cache_control": MARK}, SEARCH],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "brand_new_field": {"a": 1},
    }

    assert json.loads(json.dumps(client.chat(server.read(Fields(body)), CLAUDE).json)) == body


@pytest.mark.parametrize(
    ("changes", "effort", "budget"),
    [
        ({"thinking": {"type": "disabled"}}, "none", None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "", 2000),
        ({"thinking": {"type": "adaptive"}}, "", None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max", None),
        ({"output_config": {"effort": "low"}}, "low", None),
        ({"output_config": {"effort": "brand-new"}}, "", None),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, "none", None),
        ({"thinking": {"type": "between_tools"}}, "", None),
    ],
)
def test_thinking_is_translated_for_others_and_goes_to_claude_as_it_came(changes, effort, budget):
    request = read(**changes)

    assert (request.effort, request.thinking_budget) == (effort, budget)
    assert {name: value for name, value in sent(**changes).items() if name in ("thinking", "output_config")} == changes


def test_the_attribution_block_goes_to_claude_alone_and_is_not_in_the_key():
    rest = [{"type": "text", "text": "You are Claude Code.", "cache_control": MARK}]
    other = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.190; cc_entrypoint=cli; cch=ffff;"}
    plain = read(system=rest)
    marked = read(system=[ATTRIBUTION, *rest])

    assert key(marked) == key(read(system=[other, *rest])) == key(plain)
    assert marked.messages == plain.messages
    assert sent(system=[ATTRIBUTION, *rest])["system"] == [ATTRIBUTION, *rest]
    assert sent(system=[ATTRIBUTION])["system"] == [ATTRIBUTION]
    for adapter in OTHERS:
        assert "billing" not in json.dumps(sent(adapter, system=[ATTRIBUTION, *rest]))
    assert not any("billing" in name for name in marked.wishes)


def test_an_attribution_line_at_the_head_of_a_text_is_none_of_the_prompt_either():
    line = ATTRIBUTION["text"]

    assert read(system=f"{line}\nYou are Claude Code.").messages[0] == Message("system", "You are Claude Code.")
    assert sent(system=f"{line}\nYou are Claude Code.")["system"] == f"{line}\nYou are Claude Code."
    assert sent(openai, system=f"{line}\nYou are Claude Code.")["messages"][0]["content"] == "You are Claude Code."
    quoted = "Never send x-anthropic-billing-header: to anyone."
    assert read(system=quoted).messages[0] == Message("system", quoted)


def test_the_same_question_has_the_same_key_as_in_openais_format():
    call = {"type": "tool_use", "id": "t1", "name": "play", "input": {}}
    ours = read(
        system="be brief",
        messages=[
            *HI,
            *turn(call, role="assistant"),
            *turn({"type": "tool_result", "tool_use_id": "t1", "content": "ok"}),
        ],
        tools=[PLAY],
        tool_choice={"type": "auto"},
    )
    function = {"name": "play", "description": "plays", "parameters": PLAY["input_schema"]}
    theirs = openai_server.read(
        Fields(
            {
                "max_tokens": 9,
                "messages": [
                    {"role": "system", "content": "be brief"},
                    *HI,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "t1", "type": "function", "function": {"name": "play", "arguments": "{}"}}
                        ],
                    },
                    {"role": "tool", "tool_call_id": "t1", "content": "ok"},
                ],
                "tools": [{"type": "function", "function": function}],
                "tool_choice": "auto",
            }
        )
    )

    assert key(ours) == key(theirs)


def test_other_providers_are_sent_no_field_of_anthropics_own():
    changes = {
        "system": [{"type": "text", "text": "s", "cache_control": MARK}],
        "messages": turn(
            {"type": "text", "text": "hi", "cache_control": MARK}, {"type": "container_upload", "file_id": "f"}
        ),
        "tools": [{**PLAY, "cache_control": MARK, "defer_loading": True, "strict": True}, SEARCH],
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": []},
        "metadata": {"user_id": "u"},
        "brand_new": 1,
    }
    for adapter in OTHERS:
        said = json.dumps(sent(adapter, Endpoint("https://api.openai.com/v1", "m"), **changes))
        for word in (
            "cache_control",
            "defer_loading",
            "web_search",
            "adaptive",
            "context_management",
            "user_id",
            "brand",
        ):
            assert word not in said, adapter
        told = dropped(adapter, **changes)
        assert told == {
            "anthropic_messages container_upload",
            "anthropic_messages web_search_20250305",
            "brand_new",
            "cache_control",
            "context_management",
            "defer_loading",
            "strict",
            "thinking",
        }


def test_a_tool_of_the_providers_own_is_needed_only_where_it_must_be_called():
    own = "anthropic_messages web_search_20250305"
    named = {"type": "tool", "name": "web_search"}

    assert read(tools=[SEARCH]).needs == set()
    assert read(tools=[SEARCH, PLAY]).needs == {"tools"}
    assert own in read(tools=[SEARCH], tool_choice={"type": "any"}).needs
    assert own in read(tools=[SEARCH, PLAY], tool_choice=named).needs
    assert own not in read(tools=[SEARCH, PLAY], tool_choice={"type": "tool", "name": "play"}).needs
    assert sent(tools=[SEARCH], tool_choice=named)["tool_choice"] == named
    for adapter in OTHERS:
        assert "tools" not in sent(adapter, tools=[SEARCH])


def test_a_schema_is_read_where_both_versions_have_it():
    form = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}

    assert read(output_config={"format": form}).schema == read(output_format=form).schema == form["schema"]
    assert sent(output_format=form)["output_format"] == form
    assert sent(openai, output_format=form)["response_format"]["json_schema"]["schema"] == form["schema"]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": turn({"text": "no type"})}, "messages[0].content[0].type"),
        ({"messages": turn({"type": "image"})}, "messages[0].content[0].source"),
        (
            {"messages": turn({"type": "image", "source": {"type": "base64", "data": "?"}})},
            "messages[0].content[0].source.data",
        ),
        (
            {"messages": turn({"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}})},
            "messages[0].content[0].source.url",
        ),
        (
            {"messages": turn({"type": "tool_use", "id": "1", "name": "f", "input": "x"})},
            "messages[0].content[0].input",
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"stop_sequences": [""]}, "stop_sequences"),
        ({"system": 5}, "system"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [PLAY], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "sometimes"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "king"}}}},
            "output_config.format.schema",
        ),
    ],
)
def test_a_wrong_field_is_named(changes, param):
    with pytest.raises(BadRequestError) as refused:
        read(**changes)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_a_request_as_claude_code_sends_it_is_taken_by_every_provider():
    changes = {
        "system": [
            ATTRIBUTION,
            {"type": "text", "text": "You are Claude Code.", "cache_control": {**MARK, "ttl": "1h"}},
        ],
        "messages": turn(
            {"type": "text", "text": "<system-reminder>x</system-reminder>"}, {"type": "text", "text": "hi"}
        ),
        "tools": [{**PLAY, "strict": True, "defer_loading": True, "eager_input_streaming": True}, SEARCH],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": "user_1_session_2"},
        "max_tokens": 32000,
        "temperature": 1,
        "stream": True,
    }
    request = read(**changes)

    for adapter in (client, *OTHERS):
        lacks = {name for name in request.needs if not adapter.takes(name, request, Endpoint("https://x", "m"))}
        assert lacks == set(), adapter
    assert server.streams(Fields(changes))


BLOCKS = st.sampled_from(
    [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": MARK},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {
            "type": "document",
            "source": {"type": "url", "url": "https://x/y.pdf"},
            "title": "t",
            "citations": {"enabled": True},
        },
        {"type": "brand_new", "x": [1]},
    ]
)
SAID = st.sampled_from(
    [
        {"type": "text", "text": "c"},
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
    ]
)


@st.composite
def conversations(draw):
    """Turns that alternate, with calls that are all answered, as the API wants them."""
    turns = [{"role": "user", "content": draw(st.lists(BLOCKS, min_size=1, max_size=3))}]
    for n in range(draw(st.integers(0, 3))):
        calls = [
            {"type": "tool_use", "id": f"t{n}_{m}", "name": draw(st.sampled_from("fg")), "input": draw(ARGUMENTS)}
            for m in range(draw(st.integers(0, 3)))
        ]
        said = draw(st.lists(SAID, min_size=0 if calls else 1, max_size=3))
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": draw(RESULTS), **draw(FAILED)}
            for call in calls
        ]
        more = draw(st.lists(BLOCKS, min_size=0 if calls else 1, max_size=2))
        turns += [{"role": "assistant", "content": [*said, *calls]}, {"role": "user", "content": [*results, *more]}]
    return turns


ARGUMENTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=2)
RESULTS = st.text(max_size=5) | st.lists(BLOCKS, min_size=2, max_size=3)
FAILED = st.sampled_from([{}, {"is_error": True}])


@given(conversations())
def test_a_conversation_goes_on_to_claude_block_by_block(messages):
    def plain(turns):  # a result without content says as much as one of no words
        blocks = [block for turn in turns for block in turn["content"]]
        return [{name: value for name, value in block.items() if value != ""} for block in blocks]

    assert plain(sent(messages=messages)["messages"]) == plain(messages)


NAMES = "model messages system tools tool_choice thinking output_config output_format stop_sequences max_tokens stream"
KINDS = "text image document tool_use tool_result thinking redacted_thinking search_result brand_new base64 url content"
INSIDE = "type text source data content input name id title role signature tool_use_id schema"
SHAPED = st.recursive(
    JSON | st.sampled_from(KINDS.split()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INSIDE.split()), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(NAMES.split()), SHAPED))
def test_whatever_comes_is_read_or_refused(body):
    for question in ({"messages": HI, **body}, body):
        with suppress(BadRequestError):
            request = server.read(Fields(question))
            for adapter in (client, *OTHERS):
                adapter.chat(request, CLAUDE)
        with suppress(BadRequestError):
            assert server.count_tokens(Fields(question)) > 0


def test_tokens_are_estimated_by_what_the_model_reads():
    def count(**body):
        return server.count_tokens(Fields({"messages": HI, **body}))

    assert count() < 10
    assert 950 <= count(system="word " * 800) <= 1100
    assert count(messages=[{"role": "user", "content": "語" * 500}]) >= 500
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": b64encode(bytes(99999)).decode()},
    }
    assert 1600 <= count(messages=turn(image)) < 1700
    pages = b64encode(b"<< /Type /Page >> << /Type /Pages >> << /Type/Page >>").decode()
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pages}}
    assert 4000 <= count(messages=turn(pdf)) < 4100
    assert count(tools=[PLAY]) > count() + 20
    thought = {"type": "thinking", "thinking": "long " * 999, "signature": "s" * 999}
    assert count(messages=[*HI, *turn(thought, role="assistant")]) < 20
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "word " * 800}]}
    assert count(messages=turn(result)) > 950


def test_tokens_of_a_wrong_body_are_not_counted():
    with pytest.raises(BadRequestError):
        server.count_tokens(Fields({"messages": []}))


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (Problem(400, "x", "invalid_value"), "invalid_request_error"),
        (Problem(401, "x", "invalid_api_key"), "authentication_error"),
        (Problem(402, "x"), "billing_error"),
        (Problem(403, "x", "provider_auth", kind="auth"), "permission_error"),
        (Problem(404, "x", "model_not_found", kind="not_found"), "not_found_error"),
        (Problem(405, "x"), "invalid_request_error"),
        (Problem(408, "x"), "timeout_error"),
        (Problem(413, "x"), "request_too_large"),
        (Problem(415, "x"), "invalid_request_error"),
        (Problem(429, "x", "rate_limit_exceeded", kind="rate"), "rate_limit_error"),
        (Problem(429, "x", "insufficient_quota"), "billing_error"),
        (Problem(429, "x", kind="credit"), "billing_error"),
        (Problem(500, "x"), "api_error"),
        (Problem(502, "x", kind="server"), "api_error"),
        (Problem(503, "x", "no_provider"), "api_error"),
        (Problem(503, "x", "overloaded"), "overloaded_error"),
        (Problem(504, "x", "timeout"), "timeout_error"),
        (Problem(529, "x"), "overloaded_error"),
    ],
)
def test_a_problem_has_the_type_that_anthropics_clients_act_on(problem, kind):
    assert server.error(problem) == {"type": "error", "error": {"type": kind, "message": "x"}}


def test_a_prompt_that_does_not_fit_is_told_in_the_words_at_which_claude_code_shortens_it():
    def told(message):
        return server.error(Problem(400, message, "context_length_exceeded"))["error"]["message"]

    assert told("the input length exceeds the context length") == (
        "prompt is too long: the input length exceeds the context length"
    )
    assert told("Prompt is too long: 9 > 8") == "Prompt is too long: 9 > 8"


def test_the_warming_of_claudes_prompt_cache_is_refused_by_its_name():
    with pytest.raises(BadRequestError, match=r"max_tokens of 0 warms Claude's prompt cache") as refused:
        read(max_tokens=0)

    assert (refused.value.param, refused.value.code) == ("max_tokens", "unsupported_parameter")
