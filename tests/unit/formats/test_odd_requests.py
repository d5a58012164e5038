"""Requests of clients that imitate a format, or of hosts that extend it: read where there is one sensible reading."""

from dataclasses import replace

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.openai_chat import client, server
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Endpoint, Media, Message, Opaque, Text, Thinking, ToolCall, ToolResult

HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "m")
PIXEL = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PIXEL}"
PICTURE = Media("image", "image/png", b"\x89PNG\r\n\x1a\n")
F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
HI = [{"role": "user", "content": "q"}]


def chat(messages=HI, **fields):
    return server.read(Fields({"model": "m", "messages": messages, **fields}))


def of(content, role="user"):
    """The parts of one message's content."""
    return chat([{"role": role, "content": content}]).messages[0].parts


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"type": "text", "text": "q"}, (Text("q"),)),
        (["a", "b"], (Text("a"), Text("b"))),
        ([{"type": "input_text", "text": "q"}], (Text("q"),)),
        ([{"type": "input_image", "image_url": URL}], (PICTURE,)),
        ([{"type": "input_image", "image_url": {"url": URL, "detail": "low"}}], (replace(PICTURE, detail="low"),)),
        ([{"type": "document_url", "document_url": "https://a/b.pdf"}], (Media("file", url="https://a/b.pdf"),)),
        (
            [{"type": "input_audio", "input_audio": {"format": "flac", "data": "AAAA"}}],
            (Media("audio", "audio/flac", b"\0\0\0"),),
        ),
        (
            [{"type": "input_audio", "input_audio": {"format": "wav", "data": "data:audio/wav;base64,AAAA"}}],
            (Media("audio", "audio/wav", b"\0\0\0"),),
        ),
        (
            [{"type": "input_audio", "input_audio": {"format": "mp3", "data": "https://a/b.mp3"}}],
            (Media("audio", url="https://a/b.mp3"),),
        ),
    ],
)
def test_content_of_other_formats_and_hosts_is_read(content, parts):
    assert of(content) == parts


@pytest.mark.parametrize("kind", ["thinking", "reasoning"])
def test_a_thought_among_the_parts_is_a_thought(kind):
    parts = of([{"type": kind, kind: "hm"}, {"type": "output_text", "text": "a"}], "assistant")
    assert parts == (Thinking("hm", origin="openai_chat"), Text("a"))


@pytest.mark.parametrize("content", [["a"], {"type": "text", "text": "a"}, [{"type": "input_text", "text": "a"}]])
def test_what_not_every_host_reads_is_told_anew(content):
    request = chat([{"role": "user", "content": content}])
    assert request.body is None
    assert client.chat(request, HOST).json["messages"] == [{"role": "user", "content": "a"}]


CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": 1, "function": {"name": "f", "arguments": {"a": 1}}}],
}


@pytest.mark.parametrize(("content", "words"), [({"r": 1}, '{"r":1}'), (None, ""), ("x", "x")])
def test_objects_where_json_text_is_due_and_ids_that_are_numbers_are_read(content, words):
    request = chat([*HI, CALLED, {"role": "tool", "tool_call_id": 1, "content": content}], tools=[F])
    (call,), (result,) = request.messages[1].tool_calls, request.messages[2].tool_results
    assert (call, result.call_id, result.text) == (ToolCall("f", '{"a":1}', "1"), "1", words)
    sent = client.chat(request, HOST).json["messages"]
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'


def test_a_result_without_an_id_answers_the_call_before_it():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    request = chat([*HI, call, {"role": "tool", "content": "r"}], tools=[F])
    sent = client.chat(request, HOST).json["messages"]
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"] != ""


def test_a_function_without_an_object_of_its_own_is_one():
    request = chat(tools=[{"type": "function", **F["function"]}])
    assert request.tools == (F,)
    assert client.chat(request, HOST).json["tools"] == [F]


@pytest.mark.parametrize(
    "tool", [{"type": "web_search"}, {"type": "mcp", "server_url": "https://x"}, {"googleSearch": {}}]
)
def test_a_tool_of_a_host_goes_to_hosts_of_the_same_format_and_is_named_elsewhere(tool):
    request = chat(tools=[tool, F])
    (name,) = request.wishes
    assert name == f"openai_chat {tool.get('type', 'googleSearch')}"
    for asked in (request, replace(request, body=None)):
        assert client.chat(asked, HOST).json["tools"] == [tool, F]
    for speaks in ("anthropic_messages", "gemini", "ollama", "openai_chat.mistral"):
        assert not CLIENTS[speaks].takes(name, request, HOST)
        assert len(CLIENTS[speaks].chat(request, HOST).json["tools"]) == 1


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_a_choice_that_clients_write_in_other_ways_is_told_in_openais(choice, meant):
    request = chat(tools=[F], tool_choice=choice)
    assert request.tool_choice == meant
    assert client.chat(request, HOST).json["tool_choice"] == meant


def test_an_answer_without_bounds_is_lm_studios_minus_one_and_whole_numbers_may_have_a_point():
    assert chat(max_tokens=-1).max_tokens is None
    assert "max_completion_tokens" not in client.chat(chat(max_tokens=-1), OPENAI).json
    assert chat(max_tokens=9.0, seed=1.0).max_tokens == 9


def test_a_schema_beside_the_type_of_its_format_is_one():
    request = chat(response_format={"type": "json_schema", "name": "n", "schema": {"type": "object"}})
    assert (request.schema, request.schema_name, request.extra) == ({"type": "object"}, "n", {})
    assert client.chat(request, OPENAI).json["response_format"]["json_schema"]["name"] == "n"


def test_pictures_may_be_asked_for_and_sound_may_not():
    assert chat(modalities=["image", "text"]).needs == {"modalities"}
    assert chat(modalities=["text"]).needs == frozenset()
    with pytest.raises(Exception, match="modalities is not supported here"):
        chat(modalities=["text", "audio"])


def claude(*blocks, role="user", **fields):
    turns = [{"role": role, "content": list(blocks)}]
    return anthropic.read(Fields({"model": "m", "max_tokens": 9, "messages": turns, **fields}))


def test_claudes_blocks_may_be_one_or_texts_and_their_objects_may_be_text():
    assert claude("a", {"type": "text", "text": "b"}).messages == (Message("user", (Text("a"), Text("b"))),)
    one = anthropic.read(
        Fields(
            {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": {"type": "text", "text": "q"}}]}
        )
    )
    assert one.messages == (Message("user", "q"),)
    call = {"type": "tool_use", "id": "a", "name": "f", "input": '{"a":1}'}
    assert claude(call, role="assistant").messages[0].parts == (ToolCall("f", '{"a":1}', "a"),)
    result = {"type": "tool_result", "tool_use_id": "a", "content": {"r": 1}}
    assert claude(result).messages[0].parts == (ToolResult("a", (Text('{"r":1}'),)),)
    source = {"type": "base64", "media_type": "image/png", "data": URL}
    assert claude({"type": "image", "source": source}).messages[0].parts == (PICTURE,)
    tools = [{"type": "function", "name": "f", "input_schema": {"type": "object"}}]
    assert claude("a", tools=tools).tools == (F,)


def test_in_geminis_requests_one_stands_for_a_list_of_one_and_text_for_an_object():
    body = {
        "contents": {"role": "user", "parts": {"text": "q"}},
        "system_instruction": {"parts": {"text": "s"}},
        "tools": {"function_declarations": {"name": "f"}},
        "tool_config": {"function_calling_config": {"mode": "any"}},
    }
    found = gemini.read(Fields(body))
    assert found.messages == (Message("system", "s"), Message("user", "q"))
    assert (found.functions, found.tool_choice) == ({"f"}, "required")

    parts = [{"functionCall": {"name": "f", "args": '{"a":1}'}}, {"inlineData": {"mimeType": "image/png", "data": URL}}]
    found = gemini.read(Fields({"contents": [{"role": "model", "parts": parts}]}))
    assert found.messages[0].parts == (ToolCall("f", '{"a":1}'), PICTURE)
    for given, words in (("r", "r"), ([1], '{"result":[1]}')):
        answered = {"functionResponse": {"name": "f", "response": given}}
        found = gemini.read(Fields({"contents": [{"role": "user", "parts": [answered, {"text": "q"}]}]}))
        assert found.messages[0].tool_results[0].text == words


def test_objects_in_the_items_of_responses_are_read():
    items = [
        {"role": "user", "content": "q"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": {"a": 1}},
        {"type": "function_call_output", "call_id": "a", "output": {"r": 1}},
        {"type": "function_call_output", "call_id": "a", "output": None},
    ]
    found = responses.read(Fields({"model": "m", "input": items})).messages
    assert found[1].tool_calls[0].arguments == '{"a":1}'
    assert [message.tool_results[0].text for message in found[2:]] == ['{"r":1}', ""]


def test_a_part_that_is_kept_as_it_came_is_no_text():
    assert not any(isinstance(part, Opaque) for part in of(["a"]))


def test_claudes_summary_of_a_conversation_is_told_to_others_as_its_words():
    block = {"type": "compaction", "content": "We spoke of Rome."}
    request = claude(block, role="assistant")
    anew = replace(request, body=None)
    assert CLIENTS["anthropic_messages"].chat(anew, HOST).json["messages"][0]["content"] == [block]
    assert client.chat(anew, HOST).json["messages"][0]["content"] == "We spoke of Rome."
    assert request.wishes == {"compaction"}
    assert CLIENTS["gemini"].chat(anew, HOST).json["contents"][0]["parts"] == [{"text": "We spoke of Rome."}]
