"""What clients of responses are told: whole, in events, and again out of the cache."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses import server
from samplemind_cli.formats.types import (
    Answer,
    Chunk,
    Endpoint,
    Message,
    Opaque,
    Problem,
    Route,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "openai.json"
FUNCTION = {"type": "function", "name": "play", "parameters": {}, "strict": None}
CUSTOM = {"type": "custom", "name": "patch"}
SPACE = {"type": "namespace", "name": "mcp__a", "description": "d", "tools": [FUNCTION]}
ASKED = {"model": "auto", "input": "hi", "tools": [FUNCTION, CUSTOM, SPACE]}
PIECES = (
    Chunk(thinking="h"),
    Chunk(thinking="m", signature="proof"),
    Chunk("I "),
    Chunk("will"),
    Chunk(tool_calls=(ToolCall("play", "", "c1", 0),)),
    Chunk(tool_calls=(ToolCall(arguments='{"a":', index=0),)),
    Chunk(tool_calls=(ToolCall("patch", '{"inp', "c2", 1),)),
    Chunk(tool_calls=(ToolCall(arguments="1}", index=0),)),
    Chunk(tool_calls=(ToolCall(arguments='ut":"*** Begin"}', index=1),)),
    Chunk(tool_calls=(ToolCall("mcp__a__play", "{}", "c3", 2, signature="g", hints={"x": 1}),)),
)


def fields(**changes):
    return Fields({**ASKED, **changes})


def answer(*parts, **changes):
    known = {"provider": "anthropic", "model": "m", "key": "k", "finish_reason": "stop", "usage": Usage(3, 2, 1)}
    return Answer(parts=parts or (Text("x"),), **known | changes)


def drafted(*chunks, finish="stop"):
    """The chunks as the core tells them on, the last one with the answer."""
    draft = Draft("k", origin="anthropic_messages")
    told = [found for chunk in (*chunks, Chunk(finish=finish)) if (found := draft.add(chunk))]
    rest = [found] if (found := draft.end()) else []
    return [*told, *rest, Chunk(answer=replace(draft.answer("anthropic", "m"), usage=Usage(3, 2, 1)))]


def events(*chunks, asked=None):
    teller = server.events("1", "anthropic/m", asked or fields())
    body = b"".join(event for chunk in chunks for event in teller.of(chunk)) + teller.end()
    return decoded(body)


def decoded(body):
    found = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        kind, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert kind == f"event: {event['type']}"
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def kinds(found):
    return [event["type"].removeprefix("response.") for event in found]


def whole(found, asked=None):
    return json.loads(server.whole(found, "1", asked or fields()))


def returned(output):
    """What a client's next request says of an output, when it sends the items back as they came."""
    return server.read(fields(input=output)).messages


def test_a_text_is_told_in_the_documented_order():
    found = events(*drafted(Chunk("Hel"), Chunk("lo")))

    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = found[-1]["response"]
    assert (last["id"], last["status"], last["model"], last["store"]) == ("resp_1", "completed", "anthropic/m", False)
    assert last["output"][0]["content"][0]["text"] == "Hello"
    assert last["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }


def test_calls_in_pieces_that_mix_come_out_one_after_the_other():
    found = events(*drafted(*PIECES))

    opened = [event["output_index"] for event in found if event["type"] == "response.output_item.added"]
    closed = [event["output_index"] for event in found if event["type"] == "response.output_item.done"]
    assert opened == closed == list(range(6))
    open_now = None
    for event in found:
        if event["type"] == "response.output_item.added":
            open_now = event["output_index"]
        elif "output_index" in event:
            assert event["output_index"] == open_now
    calls = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in calls] == [
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "reasoning",  # the proof of the next call
        "function_call",
    ]
    assert (calls[2]["name"], calls[2]["arguments"], calls[2]["call_id"]) == ("play", '{"a":1}', "c1")
    assert (calls[3]["name"], calls[3]["input"], calls[3]["call_id"]) == ("patch", "*** Begin", "c2")
    assert (calls[5]["name"], calls[5]["namespace"]) == ("play", "mcp__a")


def test_pieces_of_a_call_are_told_as_they_come():
    teller = server.events("1", "openai/m", fields())
    list(teller.of(Chunk(tool_calls=(ToolCall("play", '{"a"', "c1", 0),))))

    assert b'"delta":":1"' in b"".join(teller.of(Chunk(tool_calls=(ToolCall(arguments=":1", index=0),))))


def test_what_was_streamed_is_what_is_told_whole_and_out_of_the_cache():
    chunks = drafted(*PIECES)
    kept = chunks[-1].answer

    streamed, cached = events(*chunks)[-1]["response"], events(Chunk(answer=kept))[-1]["response"]
    assert streamed["output"] == cached["output"] == whole(kept)["output"]
    assert streamed["output"] == [e["item"] for e in events(*chunks) if e["type"] == "response.output_item.done"]


def test_items_that_come_back_are_the_parts_that_were_told():
    kept = drafted(*PIECES)[-1].answer

    assert returned(whole(kept)["output"]) == (Message("assistant", kept.parts),)


TEXTS = st.text(min_size=1, max_size=8, alphabet=st.characters(codec="utf-8"))
PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(
        Thinking,
        TEXTS,
        st.text(max_size=5, alphabet="ab="),
        st.sampled_from(["anthropic_messages", "gemini", "openai_chat"]),
        id=st.sampled_from(["", "t"]),
    ),
    st.builds(lambda proof: Thinking(signature=proof, origin="anthropic_messages", redacted=True), TEXTS),
    st.builds(
        lambda name, value, proof: (name, value, proof),
        st.sampled_from(["play", "patch", "mcp__a__play", "unknown"]),
        TEXTS,
        st.sampled_from(["", "sig"]),
    ),
)


def made(parts):
    """Calls with ids of their own, custom tools' arguments as they are read back, and texts that are no neighbours."""
    found = []
    for n, part in enumerate(parts):
        if not isinstance(part, tuple):
            if not (isinstance(part, Text) and found and isinstance(found[-1], Text)):
                found.append(part)
            continue
        name, value, proof = part
        said = json.dumps({"input": value}, ensure_ascii=False, separators=(",", ":"))
        found.append(ToolCall(name, said, f"call_{n}", signature=proof))
    return tuple(found)


@given(st.lists(PARTS, min_size=1, max_size=6).map(made))
def test_any_answer_comes_back_as_it_was_told(parts):
    kept = answer(*parts)
    output = whole(kept)["output"]

    assert events(Chunk(answer=kept))[-1]["response"]["output"] == output
    assert returned(output) == (Message("assistant", parts),)


@given(st.lists(PARTS, min_size=1, max_size=5).map(made), st.data())
def test_however_an_answer_is_cut_into_pieces_the_same_is_told(parts, data):
    chunks, place = [], 0
    for part in parts:
        words = part.arguments if isinstance(part, ToolCall) else part.text
        cut = data.draw(st.integers(0, len(words)))
        if isinstance(part, ToolCall):
            head = replace(part, arguments=words[:cut], index=place)
            chunks += [Chunk(tool_calls=(head,)), Chunk(tool_calls=(ToolCall(arguments=words[cut:], index=place),))]
            place += 1
        elif isinstance(part, Thinking) and part.redacted:
            chunks.append(Chunk(block=part))
        elif isinstance(part, Thinking):
            chunks += [Chunk(thinking=words[:cut]), Chunk(thinking=words[cut:], signature=part.signature)]
        else:
            chunks += [Chunk(words[:cut]), Chunk(words[cut:])]
    if not any(isinstance(part, Text | ToolCall) for part in parts):
        chunks.append(Chunk("."))
    told = drafted(*chunks)

    assert events(*told)[-1]["response"]["output"] == whole(told[-1].answer)["output"]


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("unknown", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("filtered", "incomplete", "content_filter"),
    ],
)
def test_how_it_ended_is_told(finish, status, reason):
    kept = answer(finish_reason=finish)
    last = events(Chunk("x"), Chunk(answer=kept))[-1]

    assert last["type"] == f"response.{status}"
    for found in (last["response"], whole(kept), events(Chunk(answer=kept))[-1]["response"]):
        assert (found["status"], found["output"][0]["status"]) == (status, status)
        assert found["incomplete_details"] == ({"reason": reason} if reason else None)


def test_a_refusal_is_a_part_of_its_own_kind():
    kept = answer(Text("no"), finish_reason="refusal")
    streamed = events(Chunk("no", refusal=True), Chunk(answer=kept))

    assert "refusal.delta" in kinds(streamed)
    for found in (streamed[-1]["response"], whole(kept), events(Chunk(answer=kept))[-1]["response"]):
        assert found["status"] == "completed"
        assert found["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_a_refusal_without_a_word_or_after_some_is_incomplete():
    silent = answer(Thinking("hm"), finish_reason="refusal")
    assert whole(silent)["incomplete_details"] == {"reason": "content_filter"}
    after = events(Chunk("so far"), Chunk(answer=answer(Text("so far"), finish_reason="refusal")))[-1]["response"]
    assert (after["status"], after["output"][0]["content"][0]["type"]) == ("incomplete", "output_text")


def test_a_models_slip_with_a_custom_tool_loses_nothing():
    for said, given_input in (('{"patch":"a"}', "a"), ("bare", "bare"), ('{"input":"a","x":1}', "a"), ("{}", "{}")):
        output = whole(answer(ToolCall("patch", said, "c")))["output"]
        assert output[0]["input"] == given_input


def test_texts_in_a_row_are_one_message():
    kept = answer(Text("a"), Text("b"))

    assert whole(kept)["output"][0]["content"][0]["text"] == "ab"
    assert events(Chunk(answer=kept))[-1]["response"]["output"] == whole(kept)["output"]


def test_a_block_that_only_another_format_knows_is_not_told():
    kept = answer(Opaque("anthropic_messages", {"type": "web_search_tool_result"}), Text("x"))

    assert [item["type"] for item in whole(kept)["output"]] == ["message"]
    assert events(Chunk(answer=kept))[-1]["response"]["output"] == whole(kept)["output"]


def test_what_was_asked_is_told_again():
    asked = fields(instructions="be brief", temperature=0.5, metadata={"a": "b"}, text={"verbosity": "low"})
    found = whole(answer(), asked)

    assert (found["instructions"], found["temperature"], found["metadata"]) == ("be brief", 0.5, {"a": "b"})
    assert found["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert found["tools"] == ASKED["tools"]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Problem(400, "too long", "context_length_exceeded"), "context_length_exceeded"),
        (Problem(400, "too long", kind="too_long"), "context_length_exceeded"),
        (Problem(429, "no money", "insufficient_quota"), "insufficient_quota"),
        (Problem(429, "spent", kind="quota"), "insufficient_quota"),
        (Problem(429, "slower", "rate_limit_exceeded"), "rate_limit_exceeded"),
        (Problem(503, "busy", "overloaded", kind="overloaded"), "server_is_overloaded"),
        (Problem(400, "wrong", "invalid_request"), "invalid_prompt"),
        (Problem(502, "broke off", "provider_error"), "server_error"),
        (Problem(504, "late", "timeout"), "server_error"),
    ],
)
def test_a_failure_in_a_stream_has_the_word_that_clients_act_on(problem, code):
    teller = server.events("1", "anthropic/m", fields())
    before = b"".join(teller.of(Chunk("so far")))
    found = decoded(before + teller.failed(problem))[-1]

    assert found["type"] == "response.failed"
    assert (found["response"]["status"], found["response"]["error"]["code"]) == ("failed", code)
    assert found["response"]["output"][0]["content"][0]["text"] == "so far"


def test_a_full_limit_says_how_long_to_wait_in_codexs_words():
    teller = server.events("1", "anthropic/m", fields())
    found = decoded(teller.failed(Problem(429, "slower", kind="rate", wait=2.5)))

    assert kinds(found) == ["created", "in_progress", "failed"]
    assert found[-1]["response"]["error"]["message"] == "slower. Please try again in 2.5s."


def test_silence_is_filled_with_an_event_that_changes_nothing():
    teller = server.events("1", "anthropic/m", fields())
    body = teller.idle() + teller.idle() + b"".join(teller.of(Chunk("x"))) + teller.idle()

    found = kinds(decoded(body))
    assert found[:3] == ["created", "in_progress", "in_progress"]
    assert (found.count("created"), found[-1]) == (1, "in_progress")


def test_who_answers_is_told_and_sealed_also_where_the_client_waited_before_that_was_known():
    route = Route("anthropic", Endpoint("http://x", "claude"))
    teller = server.events("1", "auto", fields())
    body = teller.idle() + b"".join(teller.of(Chunk(thinking="hm", signature="proof", route=route)))
    found = decoded(body + b"".join(teller.of(Chunk("x"))) + b"".join(teller.of(Chunk(answer=answer()))))

    assert (found[0]["response"]["model"], found[-1]["response"]["model"]) == ("auto", "anthropic/claude")
    thought = returned(found[-1]["response"]["output"])[0].parts[0]
    assert thought == Thinking("hm", "proof", "anthropic_messages")


def test_a_problem_is_openais_error_object():
    found = server.error(Problem(429, "slower", "rate_limit_exceeded"))
    assert found["error"] == {
        "message": "slower",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert server.error(Problem(400, "no", "x", "input"))["error"]["param"] == "input"


@pytest.fixture(scope="module")
def document():
    if not SPEC.is_file():
        pytest.skip("the published documents (../shared/specs) are not here")
    return json.loads(SPEC.read_bytes())


def schema_of(document, kind):
    """The name of an event's schema, by its type."""
    schemas = document["components"]["schemas"]
    names = [each["$ref"].rpartition("/")[2] for each in schemas["ResponseStreamEvent"]["anyOf"]]
    return next(name for name in names if kind in schemas[name]["properties"]["type"].get("enum", ()))


def flaws(document, name, value):
    checker = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document})
    return [f"{name}: {error.json_path}: {error.message[:200]}" for error in checker.iter_errors(value)]


@pytest.mark.slow
def test_every_event_and_response_is_as_the_document_has_it(document):
    answers = [drafted(*PIECES), drafted(Chunk("x"), finish="length"), [Chunk(answer=answer(finish_reason="refusal"))]]
    asked = fields(tools=[{"type": "function", "name": "play", "parameters": {}, "strict": False}, CUSTOM, SPACE])
    for chunks in answers:
        for event in events(*chunks, asked=asked):
            assert flaws(document, schema_of(document, event["type"]), event) == []
        assert flaws(document, "Response", whole(chunks[-1].answer, asked)) == []
