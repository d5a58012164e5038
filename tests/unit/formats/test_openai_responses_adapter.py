"""How a provider is asked for a response, and what is read in its answer."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses import client, proofs, server
from samplemind_cli.formats.types import (
    Chunk,
    Endpoint,
    Media,
    Message,
    Opaque,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

OFFICIAL = Endpoint("https://api.openai.com/v1", "gpt-5-codex", "the-key")
OTHER = Endpoint("http://x/v1", "m")
OWN = "openai_responses"
PATCH = {"type": "custom", "name": "patch", "description": "patches"}
GRAMMAR = {**PATCH, "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}
PLAY = {"type": "function", "name": "play", "parameters": {"type": "object", "properties": {}}, "strict": False}
SEALED = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}


def sent(request, endpoint=OFFICIAL):
    return client.chat(request, endpoint).json


def read(**body):
    return server.read(Fields({"model": "m", "input": "hi", **body}))


def anew(request):
    """The request as it is told when it may not go as it came."""
    return replace(request, body=None)


def heard(events, origin=OWN):
    """The draft of an answer of these events, and what of them a client of the format gets as it came."""
    draft, reader = Draft("k", origin=origin, passing=True), client.reader(Request(messages=()))
    for event in events:
        found = reader(event)
        for piece in found.pieces or (found,):
            draft.add(piece, event if client.readable(event) and not found.late else None)
    return draft


def item(kind, place=0, **more):
    return {"type": f"response.output_item.{kind}", "output_index": place, "item": {"id": f"i_{place}", **more}}


def delta(kind, words, place=0, **more):
    return {"type": f"response.{kind}.delta", "item_id": f"i_{place}", "output_index": place, "delta": words, **more}


def ended(*output, status="completed", **more):
    return {"type": f"response.{status}", "response": {"status": status, "output": list(output), **more}}


CREATED = {"type": "response.created", "response": {"id": "resp_up", "object": "response", "status": "in_progress"}}


def test_a_clients_own_body_goes_as_it_came_and_nothing_is_kept():
    body = {"input": [{"role": "user", "content": "hi"}, SEALED], "tools": [GRAMMAR, {"type": "web_search"}], "new": 1}
    found = sent(read(**body))

    assert {name: found[name] for name in body} == body
    assert (found["store"], found["stream"], found["model"]) == (False, True, "gpt-5-codex")
    assert found["include"] == ["reasoning.encrypted_content"]
    assert sent(read(store=True))["store"] is True


def test_thoughts_are_asked_for_only_where_a_model_thinks():
    assert "include" not in sent(read(), OTHER)
    assert "include" not in sent(read(), replace(OFFICIAL, model="gpt-4.1"))
    assert "include" not in sent(read(), replace(OFFICIAL, model="gpt-5-chat-latest"))
    assert sent(read(reasoning={"effort": "low"}), OTHER)["include"] == ["reasoning.encrypted_content"]
    assert sent(read(input=[SEALED, {"role": "user", "content": "a"}]), OTHER)["include"]
    both = sent(read(include=["web_search_call.results"]))["include"]
    assert both == ["web_search_call.results", "reasoning.encrypted_content"]


def test_another_formats_request_is_told_in_this_ones_words():
    thought = Thinking("hm", "gAAAA", OWN, id="rs_1")
    picture = Media("image", "image/png", b"x", detail="low")
    found = sent(
        Request(
            messages=(
                Message("system", "be brief"),
                Message("user", (Text("look"), picture)),
                Message("assistant", (thought, Text("well"), ToolCall("play", '{"a":1}', "c1"))),
                Message("tool", (ToolResult("c1", (Text("done"),)),)),
                Message("user", (Media("file", "application/pdf", url="https://x/y.pdf"),)),
            ),
            temperature=0.5,
            max_tokens=99,
            schema={"type": "object"},
            tools=({"type": "function", "function": {"name": "play"}},),
            tool_choice={"type": "function", "function": {"name": "play"}},
            effort="low",
            extra={"verbosity": "low", "logprobs": True, "top_logprobs": 2, "stop": ["x"]},
            source="openai_chat",
            unkeyed={"prompt_cache_key": "mine", "store": True},
        )
    )

    assert found["instructions"] == "be brief"
    assert found["input"] == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,eA=="},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gAAAA",
        },
        {"role": "assistant", "content": "well"},
        {"type": "function_call", "call_id": "c1", "name": "play", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"role": "user", "content": [{"type": "input_file", "file_url": "https://x/y.pdf"}]},
    ]
    assert found["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": False},
        "verbosity": "low",
    }
    assert found["tools"] == [{**PLAY, "strict": False}]
    assert found["tool_choice"] == {"type": "function", "name": "play"}
    assert (found["temperature"], found["max_output_tokens"], found["top_logprobs"]) == (0.5, 99, 2)
    assert (found["reasoning"], found["prompt_cache_key"], found["store"]) == ({"effort": "low"}, "mine", False)
    assert found["include"] == ["message.output_text.logprobs", "reasoning.encrypted_content"]
    assert "stop" not in found


def test_a_request_that_is_told_anew_keeps_its_custom_tools_and_what_only_this_format_knows():
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"}
    output = {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}
    search = {"type": "web_search_call", "action": {"type": "search", "query": "x"}}
    body = {
        "instructions": "be brief",
        "input": [{"role": "user", "content": "hi"}, search, call, output],
        "tools": [GRAMMAR, {"type": "web_search"}],
        "tool_choice": {"type": "custom", "name": "patch"},
        "reasoning": {"effort": "low", "summary": "auto", "mode": "pro"},
        "prompt_cache_key": "mine",
        "metadata": {"a": "b"},
        "truncation": "auto",
        "brand_new": {"a": 1},
    }
    found = sent(anew(read(**body)))

    assert {name: found[name] for name in body} == body


def test_what_was_sealed_here_is_opened_before_it_goes_on():
    ours = proofs.of_thought(Thinking("hm", "sig", "anthropic_messages"))
    found = sent(read(input=[{**SEALED, "encrypted_content": ours}, SEALED, {"role": "user", "content": "a"}]))

    assert "samplemind" not in json.dumps(found)
    assert [each.get("encrypted_content") for each in found["input"]] == ["gAAAA", None]


TURNS = st.lists(
    st.one_of(
        st.builds(lambda text: Message("user", text), st.text(min_size=1)),
        st.builds(lambda text: Message("system", text), st.text(min_size=1)),
        st.builds(
            lambda texts, call: Message("assistant", (*map(Text, texts), ToolCall("play", '{"a":1}', call))),
            st.lists(st.text(min_size=1), max_size=2),
            st.uuids().map(str),
        ),
        st.builds(
            lambda data: Message("user", (Text("see"), Media("image", "image/png", data))), st.binary(min_size=1)
        ),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@given(TURNS, st.sampled_from([None, 0.5]), st.sampled_from(["", "low"]), st.booleans())
def test_what_is_told_is_read_as_it_was_meant(turns, temperature, effort, tools):
    functions = ({"type": "function", "function": {n: v for n, v in PLAY.items() if n != "type"}},) if tools else ()
    request = Request(messages=(*turns, Message("user", "q")), temperature=temperature, effort=effort, tools=functions)
    again = server.read(Fields(sent(request)))

    def merged(messages):
        """What the model said in a row is one turn."""
        found = []
        for message in messages:
            if found and found[-1].role == message.role == "assistant":
                found[-1] = Message("assistant", (*found[-1].parts, *message.parts))
            else:
                found.append(message)
        return found

    def plain(messages):
        return [
            Message(each.role, [replace(p, detail="") if isinstance(p, Media) else p for p in each.parts])
            for each in merged(messages)
        ]

    assert plain(again.messages) == plain(request.messages)
    assert (again.temperature, again.effort, again.tools) == (request.temperature, request.effort, request.tools)


def test_a_thought_is_heard_with_its_proof_and_the_id_that_it_is_of():
    where = {"summary_index": 0}
    draft = heard(
        [
            item("added", type="reasoning", summary=[]),
            delta("reasoning_summary_text", "first", **where),
            {"type": "response.reasoning_summary_part.added", "item_id": "i_0", "output_index": 0, "part": {}},
            delta("reasoning_summary_text", "then", **where),
            item("done", type="reasoning", summary=[], encrypted_content="gAAAA"),
            item("added", 1, type="message", content=[]),
            delta("output_text", "four", 1),
            ended(usage={"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}),
        ]
    )
    answer = draft.answer("openai", "m")

    assert answer.parts == (Thinking("first\n\nthen", "gAAAA", OWN, id="i_0"), Text("four"))
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.reasoning_tokens) == (3, 2, 1)


def test_a_custom_call_is_heard_as_a_function_of_one_text():
    head = {"type": "custom_tool_call", "call_id": "c1", "name": "patch"}
    events = [
        item("added", **head, input=""),
        delta("custom_tool_call_input", 'a "quoted'),
        delta("custom_tool_call_input", '" word\n'),
        item("done", **head, input='a "quoted" word\n'),
        ended({"id": "i_0", **head, "input": 'a "quoted" word\n'}),
    ]
    for told in (events, events[3:], events[4:]):
        (call,) = heard(told).answer("openai", "m").tool_calls
        assert (call.name, json.loads(call.arguments)) == ("patch", {"input": 'a "quoted" word\n'})


SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "four", "annotations": []}]}


@pytest.mark.parametrize(
    "events",
    [
        [delta("output_text", "fo"), delta("output_text", "ur"), ended({**SAID, "id": "i_0"})],
        [delta("output_text", "four"), item("done", **SAID), ended({**SAID, "id": "i_0"})],
        [delta("output_text", "fo"), item("done", **SAID), ended()],
        [item("added", **SAID), item("done", **SAID), ended({**SAID, "id": "i_0"})],
        [ended({**SAID, "id": "i_0"})],
        [{"object": "response", "status": "completed", "output": [SAID]}],
    ],
)
def test_a_text_is_heard_once_wherever_it_stands(events):
    assert heard(events).answer("openai", "m").text == "four"


def test_what_stands_beside_a_text_and_openais_own_items_are_kept():
    cited = {"type": "url_citation", "url": "https://x", "title": "t", "start_index": 0, "end_index": 4}
    searched = {"type": "web_search_call", "status": "completed", "action": {"type": "search"}}
    said = {**SAID, "content": [{**SAID["content"][0], "annotations": [cited]}]}
    note = {"type": "response.output_text.annotation.added", "output_index": 1, "item_id": "i_1", "annotation": cited}
    events = [item("done", **searched), delta("output_text", "four", 1), note, item("done", 1, **said), ended()]
    answer = heard(events).answer("openai", "m")
    told = json.loads(server.whole(answer, "1", Fields({})))["output"]

    assert answer.parts[0] == Opaque(OWN, {"id": "i_0", **searched})
    assert told[0] == {"id": "i_0", **searched}
    assert told[1]["content"][0]["annotations"] == [cited]


@pytest.mark.parametrize(
    ("event", "finish"),
    [
        (ended(), "stop"),
        (ended(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (ended(status="incomplete", incomplete_details={"reason": "content_filter"}), "filtered"),
        (ended(status="incomplete", incomplete_details={"reason": "new"}), "unknown"),
        (ended(status="incomplete"), "unknown"),
        (delta("refusal", "no"), "refusal"),
    ],
)
def test_every_end_is_known(event, finish):
    assert client.read(event).finish == finish


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "x"}, "server"),
        ({"code": "rate_limit_exceeded", "message": "try again in 5s"}, "rate"),
        ({"code": "insufficient_quota", "message": "x"}, "credit"),
        ({"code": "context_length_exceeded", "message": "x"}, "too_long"),
        ({"code": "invalid_prompt", "message": "x"}, "request"),
        ({"code": "image_parse_error", "message": "x"}, "request"),
        ({"code": "bio_policy", "message": "x"}, "request"),
    ],
)
def test_a_response_that_failed_says_what_kind_of_fault_it_is(error, kind):
    assert client.read(ended(status="failed", error=error)).fault.kind == kind
    assert client.read({"type": "error", **error}).fault.kind == kind


def told_to_a_client(events):
    """What a client of the format is sent of a provider's events."""
    teller, draft = server.events("1", "openai/m", Fields({})), Draft("k", origin=OWN, passing=True)
    reader = client.reader(Request(messages=()))
    data = b""
    for event in events:
        found = reader(event)
        for piece in found.pieces or (found,):
            if told := draft.add(piece, event if client.readable(event) and not found.late else None):
                data += b"".join(teller.of(told))
    answer = draft.answer("openai", "m")
    data += b"".join(teller.of(Chunk(events=draft.passing.take(), origin=OWN, answer=answer)))
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]


def test_events_reach_a_client_of_the_format_as_they_came():
    events = [CREATED, item("added", **SAID), delta("output_text", "four"), item("done", **SAID), ended({**SAID})]

    assert told_to_a_client(events) == events


def test_what_has_to_be_mended_is_told_on_from_where_the_events_have_come_to():
    begun = {**SAID, "content": []}
    call = {"type": "function_call", "call_id": "c1", "name": "play", "arguments": '{"a":1}'}
    events = [
        CREATED,
        item("added", **begun),
        delta("output_text", "fo"),
        item("done", **SAID),  # the rest of the text was in no piece
        item("done", 1, **call),  # nor was this
        ended({**SAID, "id": "i_0"}, {**call, "id": "i_1"}),
    ]
    told = told_to_a_client(events)
    types = [event["type"].removeprefix("response.") for event in told]
    words = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")

    assert told[:3] == events[:3]
    assert words == "four"
    assert types.count("created") == types.count("completed") == 1
    assert types.count("output_item.added") == types.count("output_item.done") == 2
    assert [each["type"] for each in told[-1]["response"]["output"]] == ["message", "function_call"]
    assert told[-1]["response"]["output"][1]["arguments"] == '{"a":1}'
    assert told[-1]["response"]["id"] == "resp_up"
    numbers = [event.get("sequence_number") for event in told[3:]]
    assert numbers == list(range(3, 3 + len(numbers)))
