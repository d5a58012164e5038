"""Custom tools of OpenAI's chat clients: a function of one text to who knows no better, and their calls as text."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.passing import event_of
from samplemind_cli.formats import reading
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.openai_chat import client, server
from samplemind_cli.formats.openai_chat.events import readable
from samplemind_cli.formats.openai_responses import client as responses_client
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Answer, Chunk, Endpoint, Route, ToolCall

HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "m")
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: BEGIN"}}
PATCH = {"type": "custom", "custom": {"name": "patch", "description": "patches", "format": GRAMMAR}}
PLAIN = {"type": "custom", "custom": {"name": "plain"}}
PLAY = {"type": "function", "function": {"name": "play", "parameters": {"type": "object"}}}
CALL = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": '*** "a"\n'}}
BODY = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    ],
    "tools": [PATCH, PLAIN, PLAY],
    "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
}
FIELDS = Fields(BODY)


def test_a_custom_tool_is_one_thing_in_both_of_openais_formats():
    tool = {"type": "custom", "name": "patch", "description": "patches"}
    tools = [{**tool, "format": {"type": "grammar", "syntax": "lark", "definition": "start: BEGIN"}}]
    other = responses.read(Fields({"model": "m", "input": "hi", "tools": tools}))
    assert server.read(FIELDS).tools[:1] == other.tools


def test_openai_itself_is_sent_custom_tools_as_they_are_also_where_the_rest_is_told_anew():
    found = server.read(FIELDS)
    for request in (found, replace(found, body=None)):
        sent = client.chat(request, OPENAI).json
        assert {name: sent[name] for name in ("tools", "tool_choice")} == {
            "tools": BODY["tools"],
            "tool_choice": BODY["tool_choice"],
        }
        assert sent["messages"][1]["tool_calls"] == [CALL]
    sent = responses_client.chat(found, OPENAI).json
    assert sent["tools"][0]["format"] == {"type": "grammar", **GRAMMAR["grammar"]}
    assert sent["tool_choice"] == {"type": "custom", "name": "patch"}
    assert [item["type"] for item in sent["input"][1:]] == ["custom_tool_call", "custom_tool_call_output"]


def test_every_other_host_is_offered_a_function_of_one_text():
    found = server.read(FIELDS)
    sent = client.chat(found, HOST).json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["patch", "plain", "play"]
    assert "start: BEGIN" in sent["tools"][0]["function"]["description"]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    function = sent["messages"][1]["tool_calls"][0]["function"]
    assert json.loads(function["arguments"]) == {"input": CALL["custom"]["input"]}
    assert [tool["name"] for tool in anthropic.chat(found, HOST).json["tools"]] == ["patch", "plain", "play"]
    assert gemini.chat(found, HOST).json["contents"][1]["parts"][0]["functionCall"]["args"] == {
        "input": CALL["custom"]["input"]
    }


def test_custom_tools_may_be_among_the_allowed():
    holder = {"mode": "required", "tools": [{"type": "custom", "custom": {"name": "patch"}}, PLAY]}
    request = server.read(Fields({**BODY, "tool_choice": {"type": "allowed_tools", "allowed_tools": holder}}))
    assert request.functions == {"patch", "play"}
    sent = client.chat(replace(request, body=None), OPENAI).json["tool_choice"]
    named = [{"type": "custom", "custom": {"name": "patch"}}, {"type": "function", "function": {"name": "play"}}]
    assert sent == {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": named}}


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ({"type": "custom"}, "tools[0].custom.name"),
        ({"type": "custom", "custom": {"name": 5}}, "tools[0].custom.name"),
        ({"type": "custom", "custom": {"name": "p", "format": {"type": "x"}}}, "tools[0].custom.format.type"),
        (
            {"type": "custom", "custom": {"name": "p", "format": {"type": "grammar"}}},
            "tools[0].custom.format.grammar.syntax",
        ),
    ],
)
def test_a_custom_tool_that_is_none_is_named(tool, field):
    with pytest.raises(BadRequestError) as refused:
        server.read(Fields({**BODY, "tools": [tool], "tool_choice": None}))
    assert refused.value.param == field


def told(calls):
    """What a chat client hears of a whole answer with these calls."""
    answer = Answer(parts=tuple(calls), provider="p", model="m", key="k", finish_reason="tool_calls")
    return json.loads(server.whole(answer, "1", FIELDS))["choices"][0]["message"]["tool_calls"]


def streamed(chunks):
    """The joined calls that a chat client hears of these chunks, by their index, and how the answer ends."""
    events = server.events("1", "p/m", FIELDS)
    found, end = {}, None
    for chunk in chunks:
        for line in events.of(chunk):
            (choice,) = json.loads(line.removeprefix(b"data: "))["choices"]
            end = choice["finish_reason"] or end
            for piece in choice["delta"].get("tool_calls", ()):
                known = found.setdefault(piece.pop("index"), {"custom": {}, "function": {}})
                for kind in ("custom", "function"):
                    for name, value in piece.pop(kind, {}).items():
                        known[kind][name] = known[kind].get(name, "") + value
                known |= piece
    return found, end


def chunks(*calls):
    route = Chunk(route=Route("p", Endpoint("", "m")))
    whole = [replace(call, arguments="".join(pieces), index=None) for call, pieces in calls]
    said = [
        Chunk(tool_calls=(replace(call, arguments=piece, name="" if n else call.name, index=place),))
        for place, (call, pieces) in enumerate(calls)
        for n, piece in enumerate(pieces)
    ]
    answer = Answer(parts=tuple(whole), provider="p", model="m", key="k", finish_reason="tool_calls")
    return [route, *said, Chunk(answer=answer)]


def test_a_call_of_a_custom_tool_is_told_with_its_input_as_text():
    call = ToolCall("patch", '{"input": "a\\nb"}', "c")
    assert told([call]) == [{"id": "c", "type": "custom", "custom": {"name": "patch", "input": "a\nb"}}]
    for pieces in ([call.arguments], ['{"inp', 'ut": "a\\', 'nb"', "}"]):
        found, end = streamed(chunks((call, pieces), (ToolCall("play", "", "d"), ["{", "}"])))
        assert (found[0]["type"], found[0]["id"], found[0]["custom"]) == ("custom", "c", told([call])[0]["custom"])
        assert found[1]["function"] == {"name": "play", "arguments": "{}"}
        assert end == "tool_calls"


def test_a_call_that_was_cut_off_is_told_at_the_end():
    found, _ = streamed(chunks((ToolCall("patch", "", "c"), ['{"input": "a'])))
    assert found[0]["custom"] == {"name": "patch", "input": '{"input": "a'}


def test_a_cached_answer_is_told_as_the_fresh_one_was():
    call = ToolCall("patch", '{"input": "a"}', "c")
    whole = chunks((call, [call.arguments]))[-1]
    found, _ = streamed([replace(whole, route=Route("p", Endpoint("", "m")))])
    assert found[0]["custom"] == {"name": "patch", "input": "a"}


def read(events):
    """The calls in a provider's events, and whether its own clients can read each event."""
    reader, draft = client.reader(server.read(FIELDS)), Draft("k", origin="openai_chat")
    for event in events:
        draft.add(reader(event))
    draft.end()
    return draft.answer("p", "m").tool_calls, [readable(event) for event in events if isinstance(event, dict)]


def delta(*calls, end=None):
    choice = {"index": 0, "delta": {"tool_calls": list(calls)} if calls else {}, "finish_reason": end}
    return {"object": "chat.completion.chunk", "choices": [choice]}


@given(st.lists(st.text(max_size=5), max_size=4), st.booleans(), st.booleans())
def test_openais_custom_calls_are_read_in_pieces(pieces, ends_apart, named):
    first = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": ""}}
    more = [{"index": 0, "custom": {"input": piece}} for piece in pieces]
    other = {"index": 1, "id": "d", "type": "function", "function": {"name": "play", "arguments": "{}"}}
    events = [delta(first), *map(delta, more), delta(other, end=None if ends_apart else "tool_calls")]
    events += [delta(end="tool_calls")] if ends_apart else []
    events = events if named else [*events[: len(more) + 2], reading.OVER]
    calls, passed = read(events)
    assert json.loads(calls[0].arguments) == {"input": "".join(pieces)}
    assert [(call.name, call.id) for call in calls] == [("patch", "c"), ("play", "d")]
    assert all(passed[: len(events) - (not named)])


def test_a_whole_answer_with_a_custom_call_is_read():
    message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    calls, _ = read([{"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}])
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("patch", {"input": CALL["custom"]["input"]})
    ]


def test_a_hosts_call_of_the_function_that_stands_for_a_custom_tool_is_told_anew():
    reader = client.reader(server.read(FIELDS))
    for name, mended in (("patch", True), ("play", False)):
        event = delta({"index": 0, "id": "c", "function": {"name": name, "arguments": '{"input":"a"}'}})
        assert (event_of(event, reader(event), client) is None) == mended
