import json

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_responses import client, compact, compaction, server
from samplemind_cli.formats.types import Answer, Chunk, Endpoint, Opaque, Text, Usage

OPENAI = Endpoint(base_url="https://api.openai.com/v1", model="gpt-6", api_key="k")
OTHER = Endpoint(base_url="http://x", model="m", api_key="k")
TRIGGER = {"type": "compaction_trigger"}
# As Codex 0.171 sends it to a provider that is named OpenAI.
ASKED = {
    "model": "m",
    "instructions": "be brief",
    "tools": [{"type": "function", "name": "shell", "parameters": {"type": "object", "properties": {}}}],
    "tool_choice": "auto",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        TRIGGER,
    ],
    "stream": True,
    "store": False,
}
ELSEWHERE = ["ollama", "openai_chat", "gemini", "anthropic_messages"]


def answered(*parts, finish="stop"):
    known = {"provider": "p", "model": "m", "cached": False, "key": "k", "latency_ms": 1, "usage": Usage(7, 5)}
    return Answer(parts=parts, finish_reason=finish, **known)


def told(answer, fields=ASKED):
    return json.loads(server.whole(answer, "1", Fields(fields)))["output"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_another_provider_is_asked_for_a_summary_and_may_call_nothing(name):
    request = server.read(Fields(ASKED))
    body = json.dumps(CLIENTS[name].chat(request, OTHER).json)

    assert not [need for need in request.needs if "compaction" in need]
    assert request.tool_choice == "none"
    assert "Write that summary" in body
    assert "compaction_trigger" not in body
    assert "done" in body


def test_openai_is_sent_what_came_and_its_own_item_comes_back():
    request = server.read(Fields(ASKED))
    item = {"id": "cmp_9", "type": "compaction", "encrypted_content": "gAAAA"}

    assert client.chat(request, OPENAI).json["input"] == ASKED["input"]
    assert told(answered(Opaque("openai_responses", item))) == [item]


@pytest.mark.parametrize("name", [*ELSEWHERE, "openai_responses"])
def test_a_summary_is_one_sealed_item_that_every_provider_reads_later(name):
    (item,) = told(answered(Text("we sing in C")))
    later = server.read(Fields({"model": "m", "input": [item, {"role": "user", "content": "go on"}]}))
    body = json.dumps(CLIENTS[name].chat(later, OTHER).json)

    assert (item["type"], "we sing" in json.dumps(item)) == ("compaction", False)
    assert "we sing in C" in body
    assert "go on" in body
    assert item["encrypted_content"] not in body


def test_an_item_that_openai_sealed_is_for_openai_alone():
    found = server.read(Fields({"model": "m", "input": [{"type": "compaction", "encrypted_content": "gAAAA"}]}))

    assert found.needs == {"openai_responses compaction"}


def test_a_streamed_compaction_is_told_when_it_is_whole():
    events = server.events("1", "p/m", Fields(ASKED))
    chunks = [Chunk("we "), Chunk("sing"), Chunk(answer=answered(Text("we sing")))]
    lines = b"".join(event for chunk in chunks for event in events.of(chunk)).decode().splitlines()
    found = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    kinds = [event["type"] for event in found]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert [item["type"] for item in found[-1]["response"]["output"]] == ["compaction"]
    assert found[-2]["item"] == found[-1]["response"]["output"][0]
    assert b"in_progress" in events.idle()


def test_a_refusal_and_a_trigger_amid_the_conversation_are_no_compaction():
    assert told(answered(Text("no"), finish="refusal"))[0]["type"] == "message"
    amid = {**ASKED, "input": [TRIGGER, *ASKED["input"][:-1]]}
    assert told(answered(Text("yes")), amid)[0]["type"] == "message"


@pytest.mark.parametrize("given", ["hi", [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"}]])
def test_a_compacted_conversation_is_what_its_user_said_and_the_item(given):
    fields = compact.triggered(Fields({"model": "m", "input": given}))
    found = json.loads(compact.whole(answered(Text("we sing")), "1", fields))
    said, item = found["output"]

    assert compaction.is_asked(fields)
    assert not compact.streams(fields)
    assert (found["object"], found["usage"]["total_tokens"]) == ("response.compaction", 12)
    assert (said["role"], said["content"]) == ("user", [{"type": "input_text", "text": "hi"}])
    assert (item["type"], item["id"]) == ("compaction", "cmp_1")
    again = server.read(Fields({"model": "m", "input": [*found["output"], {"role": "user", "content": "go on"}]}))
    assert "we sing" in again.messages[1].text


@pytest.mark.parametrize("given", [None, "", [], 5])
def test_nothing_cannot_be_compacted(given):
    with pytest.raises(BadRequestError) as refused:
        compact.triggered(Fields({"model": "m", "input": given}))
    assert refused.value.param == "input"
