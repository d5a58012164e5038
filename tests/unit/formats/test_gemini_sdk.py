"""Google's own client reads what our Gemini room writes: its real code, fed through a transport that makes no call."""

import json

import pytest

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import catalog, client, embeddings, server
from samplemind_cli.formats.types import (
    Answer,
    Chunk,
    Embeddings,
    Endpoint,
    Problem,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

genai = pytest.importorskip("google.genai", reason="google-genai (the dev extra) is not installed")
httpx = pytest.importorskip("httpx2")
pytestmark = pytest.mark.slow

CALL = ToolCall("f", '{"a":{"b":[1]}}', "c1", signature="c2ln")


def answer(*parts, **changes):
    given = {"provider": "gemini", "model": "m", "key": "k", "finish_reason": "stop", "usage": Usage(3, 7, 1, 2)}
    return Answer(parts=parts or (Text("hi"),), **{**given, **changes})


class Serve:
    """A server of ours without a socket: what was asked, and how it answers."""

    def __init__(self, reply, status=200, kind="application/json"):
        self.asked = None

        def handle(request):
            self.asked = request
            body = reply(Fields(json.loads(request.content or b"{}"))) if callable(reply) else reply
            return httpx.Response(status, content=body, headers={"content-type": kind})

        options = {"base_url": "http://x", "httpx_client": httpx.Client(transport=httpx.MockTransport(handle))}
        self.models = genai.Client(api_key="k", http_options=options).models


def whole(found):
    return lambda fields: server.whole(found, "1", fields)


def stream(*chunks, failed=None):
    def reply(fields):
        events = server.events("1", "gemini/m", Fields({**fields.raw, "alt": "sse"}))
        told = b"".join(event for chunk in chunks for event in (events.idle(), *events.of(chunk)))
        return told + (events.failed(failed) if failed else events.end())

    return Serve(reply, kind="text/event-stream")


def test_a_whole_answer_is_read():
    serve = Serve(whole(answer(Thinking("hm", "c2ln", "gemini"), Text("hi"), CALL)))
    found = serve.models.generate_content(
        model="auto", contents="hi", config={"thinking_config": {"include_thoughts": True}, "max_output_tokens": 9}
    )

    assert serve.asked.url.path == "/v1/models/auto:generateContent"  # since 3.x
    assert [part.thought for part in found.parts] == [True, None, None]
    assert (found.text, found.function_calls[0].name, found.function_calls[0].args) == ("hi", "f", {"a": {"b": [1]}})
    assert (found.candidates[0].finish_reason, found.response_id) == ("STOP", "1")
    counted = found.usage_metadata
    assert (counted.prompt_token_count, counted.candidates_token_count, counted.thoughts_token_count) == (3, 5, 2)


def test_what_the_client_sends_is_read_and_sent_on():
    def play(city: str, loud: bool = False) -> str:
        """Play a song."""

    serve = Serve(whole(answer()))
    serve.models.generate_content(
        model="auto",
        contents=["look", genai.types.Part.from_bytes(data=b"\x89P", mime_type="image/png")],
        config=genai.types.GenerateContentConfig(
            system_instruction="be brief",
            temperature=0.5,
            top_k=3,
            stop_sequences=["E"],
            tools=[play],
            tool_config={"function_calling_config": {"mode": "ANY"}},
            automatic_function_calling={"disable": True},
            safety_settings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
            response_mime_type="application/json",
            response_schema=genai.types.Schema(type="OBJECT", properties={"a": genai.types.Schema(type="STRING")}),
            thinking_config={"thinking_level": "LOW"},
        ),
    )
    body = json.loads(serve.asked.content)
    request = server.read(Fields(body))

    assert request.messages[1].media[0].data == b"\x89P"
    assert (request.tool_choice, request.effort) == ("required", "low")
    assert request.schema == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert request.tools[0]["function"]["parameters"]["properties"]["city"] == {"type": "string"}
    assert client.chat(request, Endpoint("http://x", "m")).json == body


def test_a_stream_is_read_word_by_word():
    pieces = [Chunk("Hel"), Chunk("lo"), Chunk(tool_calls=(ToolCall("f", '{"a":', "c1", 0),))]
    rest = Chunk(tool_calls=(ToolCall("", "1}", "", 0),))
    serve = stream(*pieces, rest, Chunk(answer=answer(Text("Hello"), CALL, finish_reason="tool_calls")))
    found = list(serve.models.generate_content_stream(model="auto", contents="hi"))

    assert str(serve.asked.url) == "http://x/v1/models/auto:streamGenerateContent?alt=sse"
    assert "".join(event.text or "" for event in found) == "Hello"
    assert [call.args for event in found for call in event.function_calls or ()] == [{"a": 1}]
    assert (found[-1].candidates[0].finish_reason, found[-1].usage_metadata.total_token_count) == ("STOP", 10)


def test_an_answer_out_of_the_cache_is_read_as_a_stream():
    found = list(stream(Chunk("hi", answer=answer())).models.generate_content_stream(model="auto", contents="hi"))
    assert "".join(event.text or "" for event in found) == "hi"


def test_an_error_inside_a_stream_is_raised():
    serve = stream(Chunk("a"), failed=Problem(503, "busy", wait=1))
    with pytest.raises(genai.errors.ServerError) as raised:
        list(serve.models.generate_content_stream(model="auto", contents="hi"))
    assert (raised.value.code, raised.value.status, raised.value.message) == (503, "UNAVAILABLE", "busy")


@pytest.mark.parametrize(
    ("status", "word"), [(400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"), (429, "RESOURCE_EXHAUSTED")]
)
def test_an_error_is_raised_with_its_status(status, word):
    serve = Serve(json.dumps(server.error(Problem(status, "no", param="contents"))).encode(), status)
    with pytest.raises(genai.errors.ClientError) as raised:
        serve.models.generate_content(model="auto", contents="hi")
    assert (raised.value.code, raised.value.status) == (status, word)


def test_tokens_models_and_embeddings_are_read():
    def count(fields):
        assert catalog.counting(fields).messages[0].text == "hi"
        return catalog.counted(3)

    assert Serve(count).models.count_tokens(model="auto", contents="hi").total_tokens == 3
    assert [one.name for one in Serve(catalog.models(["auto", "ollama/x"])).models.list()] == [
        "models/auto",
        "models/ollama/x",
    ]
    assert Serve(catalog.model("auto")).models.get(model="auto").supported_actions == list(catalog.METHODS)

    def embed(fields):
        wanted = embeddings.several(fields)
        vectors = tuple((float(len(text)), 0.5) for text in wanted.texts)
        return embeddings.response(Embeddings(vectors=vectors, provider="p", model="m", tokens=2), batch=True)

    found = Serve(embed).models.embed_content(model="m", contents=["a", "bb"], config={"output_dimensionality": 2})
    assert [one.values for one in found.embeddings] == [[1.0, 0.5], [2.0, 0.5]]
