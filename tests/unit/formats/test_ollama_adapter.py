"""Ollama's format: calls as documented, and every kind of line and error read, as the daemon (0.17.4) writes them."""

import pytest

from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.types import (
    Chunk,
    Endpoint,
    Fault,
    Message,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    attachment,
)

OLLAMA = Endpoint("http://127.0.0.1:11434", "llama3.2")
HELLO = (Message("user", "hello"),)


def body(messages=HELLO, **request):
    return ollama.chat(Request(messages=messages, **request), OLLAMA).json


def test_a_prompt_that_does_not_fit_is_refused_and_never_cut():
    call = ollama.chat(Request(messages=HELLO), OLLAMA)
    assert call.url == "http://127.0.0.1:11434/api/chat"
    assert call.headers == {}
    assert call.json == {
        "model": "llama3.2",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "truncate": False,
    }


def test_settings_go_into_options_and_a_schema_into_format():
    schema = {"type": "object"}
    sent = body(temperature=0.0, max_tokens=9, schema=schema)
    assert sent["options"] == {"temperature": 0.0, "num_predict": 9}
    assert sent["format"] == schema


def test_images_are_base64_beside_the_words():
    message = Message("user", [Text("what"), attachment("image/png", b"\x89P")])
    assert body((message,))["messages"] == [{"role": "user", "content": "what", "images": ["iVA="]}]


def test_tools_and_their_history_are_translated():
    tool = {"type": "function", "function": {"name": "f"}}
    messages = (
        *HELLO,
        Message("assistant", (ToolCall("f", '{"a":1}', "c1"),)),
        Message("tool", [ToolResult("c1", (Text("3"),))]),
    )
    sent = body(messages, tools=(tool,), tool_choice="auto")
    assert sent["tools"] == [{"type": "function", "function": {"parameters": {"type": "object"}, "name": "f"}}]
    assert "tool_choice" not in sent
    assert sent["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "3", "tool_name": "f"},
    ]


def test_a_choice_of_no_tool_sends_none():
    assert "tools" not in body(tools=({"type": "function", "function": {"name": "f"}},), tool_choice="none")


def line(content="", done=False, reason=None, message=None, **more):
    message = {"role": "assistant", "content": content} | (message or {})
    return {"model": "tiny", "message": message, "done": done, **({"done_reason": reason} if reason else {}), **more}


def test_a_stream_ends_with_its_counts():
    last = line(done=True, reason="stop", prompt_eval_count=10, eval_count=19, eval_duration=8540150)
    assert [ollama.read(event) for event in (line(" A"), line(" tiny"), last)] == [
        Chunk(text=" A", model="tiny"),
        Chunk(text=" tiny", model="tiny"),
        Chunk(finish="stop", usage=Usage(10, 19), model="tiny"),
    ]


def test_a_whole_answer_is_one_chunk():
    assert ollama.read(line("Hello", done=True, reason="length", eval_count=3)) == Chunk(
        text="Hello", finish="length", usage=Usage(output_tokens=3), model="tiny"
    )


def test_an_old_daemon_gives_no_reason_for_its_end():
    assert ollama.read(line(done=True)).finish == "stop"


def test_a_model_that_was_only_loaded_has_not_answered():
    chunk = ollama.read(line(done=True, reason="load"))
    assert chunk.finish is None
    assert chunk.fault == Fault("server", "the answer ended with load")


def test_thinking_is_kept_apart():
    assert ollama.read(line(message={"thinking": "hm"})) == Chunk(thinking="hm", model="tiny")


def test_a_tool_call_is_whole():
    call = {"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"city": "Malmö"}}}
    whole = ToolCall("f", '{"city":"Malmö"}', "call_1")
    assert ollama.read(line(message={"tool_calls": [call]})) == Chunk(tool_calls=(whole,), model="tiny")


def test_an_error_inside_a_stream_is_a_fault():
    error = {"error": "an error was encountered while running the model: unexpected EOF"}
    assert ollama.read(error) == Chunk(fault=Fault("server", error["error"]))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "model 'nope' not found"}, "not_found"),
        (400, {"error": "the input length exceeds the context length"}, "too_long"),
        (400, {"error": "registry.ollama.ai/library/tiny:latest does not support tools"}, "unsupported"),
        (500, {"error": "invalid JSON schema in format"}, "request"),
        (500, {"error": "llama runner process has terminated: exit status 2"}, "server"),
        (503, {"error": "server busy, please try again. maximum pending requests exceeded"}, "overloaded"),
        (401, {"error": "unauthorized"}, "auth"),
        (429, {"error": "you have reached your weekly usage limit, please upgrade to continue"}, "credit"),
        (404, "404 page not found", "not_found"),
        (502, "<html>", "server"),
    ],
)
def test_every_known_error_has_its_kind(status, body, kind):
    assert ollama.fault(status, body).kind == kind


def test_the_daemons_own_words_are_kept():
    assert ollama.fault(404, {"error": "model 'nope' not found"}).message == "model 'nope' not found"
