"""Ollama's own client reads what our Ollama room writes: its real code, fed through a transport that makes no call."""

import json
from base64 import b64encode

import httpx
import ollama
import pytest

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.ollama import answers, catalog, embeddings, generate, server
from samplemind_cli.formats.types import Answer, Chunk, Embeddings, Problem, Text, Thinking, ToolCall, Usage

HI = [{"role": "user", "content": "hi"}]


def answer(*parts, **changes):
    given = {"provider": "ollama", "model": "m", "key": "k", "finish_reason": "stop", "usage": Usage(3, 7)}
    return Answer(parts=parts or (Text("hi"),), **{**given, **changes})


def client(reply, status=200):
    def handle(request):
        body = reply(Fields(json.loads(request.content or b"{}"))) if callable(reply) else reply
        return httpx.Response(status, content=body)

    return ollama.Client(host="http://x", transport=httpx.MockTransport(handle))


def told(room, chunks, failed=None):
    def reply(fields):
        room.read(fields)
        if not room.streams(fields):
            return room.whole(chunks[-1].answer, "1", fields)
        events = room.events("1", "ollama/m", fields)
        lines = b"".join(line for chunk in chunks for line in (events.idle(), *events.of(chunk)))
        return lines + (events.failed(failed) if failed else events.end())

    return client(reply)


WORDS = [Chunk(thinking="hm"), Chunk("Hel"), Chunk("lo")]
SAID = answer(Thinking("hm"), Text("Hello"))


def test_a_chat_is_read_whole_and_streamed():
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    call = ToolCall("f", '{"a":{"b":1}}', "c1")
    found = told(server, [Chunk(answer=answer(Thinking("hm"), Text("hi"), call))]).chat(
        "m", HI, tools=tools, think=True
    )
    assert (found.message.content, found.message.thinking, found.done_reason) == ("hi", "hm", "stop")
    assert found.message.tool_calls[0].function.arguments == {"a": {"b": 1}}
    assert (found.prompt_eval_count, found.eval_count, found.model) == (3, 7, "m")

    lines = list(told(server, [*WORDS, Chunk(answer=SAID)]).chat("m", HI, stream=True, options={"num_ctx": 5}))
    assert "".join(line.message.content for line in lines) == "Hello"
    assert "".join(line.message.thinking or "" for line in lines) == "hm"
    assert [line.done for line in lines].index(True) == len(lines) - 1


def test_a_generate_is_read_whole_and_streamed():
    found = told(generate, [Chunk(answer=SAID)]).generate("m", "hi", system="x", images=[b64encode(b"\x89P").decode()])
    assert (found.response, found.thinking, found.done) == ("Hello", "hm", True)
    lines = list(told(generate, [*WORDS, Chunk(answer=SAID)]).generate("m", "hi", stream=True))
    assert "".join(line.response for line in lines) == "Hello"
    assert lines[-1].eval_duration >= 0


def test_an_error_is_raised_whole_and_inside_a_stream():
    with pytest.raises(ollama.ResponseError, match="no such model") as raised:
        client(json.dumps(server.error(Problem(404, "no such model"))).encode(), 404).chat("m", HI)
    assert raised.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="busy"):
        list(told(server, WORDS, Problem(503, "busy")).chat("m", HI, stream=True))


def test_a_model_is_unloaded():
    def reply(fields):
        return answers.done("m", generate.loads(fields), generate=True)

    assert client(reply).generate("m", keep_alive=0).done_reason == "unload"
    assert client(reply).generate("m").done_reason == "load"


def test_lists_and_embeddings_are_read():
    known = catalog.Known(name="a/b", size=5, family="llama", parameter_size="1B", context_length=9, license="MIT")
    listed = client(catalog.tags([known])).list().models[0]
    assert (listed.model, listed.size, listed.details.family) == ("a/b", 5, "llama")
    assert client(catalog.running([known])).ps().models[0].context_length == 9
    shown = client(catalog.show(known)).show("a/b")
    assert (shown.capabilities, shown.modelinfo["llama.context_length"]) == (["completion"], 9)

    def embed(fields):
        vectors = tuple((float(len(text)),) for text in embeddings.texts(fields))
        found = Embeddings(vectors=vectors, provider="p", model="m", tokens=2)
        return embeddings.response(found, fields, 5) if "input" in fields.raw else embeddings.single_response(found)

    assert client(embed).embed("m", ["a", "bb"]).embeddings == [[1.0], [2.0]]
    assert client(embed).embeddings("m", "abc").embedding == [3.0]
