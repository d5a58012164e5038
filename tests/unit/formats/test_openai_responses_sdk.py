"""The official client's own code reads what we write: whole, streamed, with tools, and when it fails."""

import json

import pytest

from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import completions
from samplemind_cli.formats.openai_responses import server
from samplemind_cli.formats.types import Answer, Chunk, Problem, Text, Thinking, ToolCall, Usage

pytestmark = pytest.mark.slow
ROOMS = {"/v1/responses": server, "/v1/completions": completions}
TOOLS = [
    {"type": "function", "name": "play", "parameters": {"type": "object", "properties": {}}, "strict": True},
    {"type": "custom", "name": "patch"},
]
PARTS = (
    Thinking("hm", "proof", "anthropic_messages"),
    Text("I will"),
    ToolCall("play", '{"a":1}', "c1"),
    ToolCall("patch", '{"input":"*** Begin"}', "c2"),
)
LIVE = (
    Chunk(thinking="hm"),
    Chunk(signature="proof"),
    Chunk("I "),
    Chunk("will"),
    Chunk(tool_calls=(ToolCall("play", '{"a":', "c1", 0), ToolCall("patch", '{"input":', "c2", 1))),
    Chunk(tool_calls=(ToolCall(arguments="1}", index=0), ToolCall(arguments='"*** Begin"}', index=1))),
)


def answer(*parts, **changes):
    known = {"provider": "anthropic", "model": "m", "key": "k", "finish_reason": "stop", "usage": Usage(3, 2)}
    return Answer(parts=parts, **known | changes)


@pytest.fixture(scope="module")
def openai():
    return pytest.importorskip("openai")


@pytest.fixture
def client(openai):
    """A client whose server is the room itself, which answers with `script`: an answer, chunks, or a problem."""
    http = pytest.importorskip("httpx2")
    asked = []

    def respond(request):
        room, fields = ROOMS[request.url.path], Fields(json.loads(request.content))
        try:
            asked.append(room.read(fields))
        except BadRequestError as wrong:
            problem = Problem(wrong.status, str(wrong), wrong.code, wrong.param)
            return http.Response(problem.status, json=room.error(problem))
        script = made.script
        if not room.streams(fields):
            return http.Response(200, content=room.whole(script[-1].answer, "1", fields))
        teller = room.events("1", "anthropic/m", fields)
        told = [
            teller.failed(each) if isinstance(each, Problem) else b"".join((teller.idle(), *teller.of(each)))
            for each in script
        ]
        body = b"".join(told) + (b"" if isinstance(script[-1], Problem) else teller.end())
        return http.Response(200, content=body, headers={"content-type": teller.kind})

    transport = http.MockTransport(respond)
    made = openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http.Client(transport=transport))
    made.asked = asked
    yield made
    made.close()


def live(kept, chunks):
    return (*chunks, Chunk(answer=kept))


def test_a_whole_response(client):
    client.script = (Chunk(answer=answer(*PARTS)),)

    found = client.responses.create(model="auto", input="hi", tools=TOOLS)

    assert [item.type for item in found.output] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert (found.output_text, found.output[2].arguments, found.output[3].input) == ("I will", '{"a":1}', "*** Begin")
    assert (found.usage.total_tokens, found.status, found.output[0].summary[0].text) == (5, "completed", "hm")


@pytest.mark.parametrize("cached", [False, True])
def test_a_stream_and_the_response_at_its_end(client, cached):
    kept = answer(*PARTS)
    client.script = (Chunk(answer=kept),) if cached else live(kept, LIVE)

    with client.responses.stream(model="auto", input="hi", tools=TOOLS) as stream:
        events = list(stream)
        found = stream.get_final_response()

    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert (said, found.output_text) == ("I will", "I will")
    assert [item.type for item in found.output] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert found.output[2].parsed_arguments == {"a": 1}
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_output_sent_back_is_the_turn_that_was_told(client):
    client.script = (Chunk(answer=answer(*PARTS)),)
    first = client.responses.create(model="auto", input="hi", tools=TOOLS)
    output = {"type": "function_call_output", "call_id": "c1", "output": "ok"}

    client.responses.create(model="auto", input=[*first.output, output], tools=TOOLS)

    assert client.asked[-1].messages[0].parts == PARTS


def test_a_parsed_answer(client):
    pydantic = pytest.importorskip("pydantic")

    class Song(pydantic.BaseModel):
        name: str

    client.script = (Chunk(answer=answer(Text('{"name":"Sarabande"}'))),)

    found = client.responses.parse(model="auto", input="hi", text_format=Song)

    assert found.output_parsed == Song(name="Sarabande")
    assert client.asked[0].schema["properties"]["name"]["type"] == "string"


def test_a_failure_after_the_first_word(client):
    client.script = (Chunk("so far"), Problem(502, "broke off", "provider_error"))

    events = list(client.responses.create(model="auto", input="hi", stream=True))

    assert (events[-1].type, events[-1].response.error.message) == ("response.failed", "broke off")


def test_an_answer_that_was_cut_off(client):
    client.script = live(answer(Text("so"), finish_reason="length"), (Chunk("so"),))

    events = list(client.responses.create(model="auto", input="hi", stream=True))

    last = events[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")


def test_a_refusal(client):
    client.script = (Chunk(answer=answer(Text("no"), finish_reason="refusal")),)

    found = client.responses.create(model="auto", input="hi")

    assert (found.output[0].content[0].type, found.output_text) == ("refusal", "")


def test_what_is_refused_is_a_bad_request_that_names_the_field(client, openai):
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="auto", input="hi", previous_response_id="resp_1")

    assert (refused.value.param, refused.value.code) == ("previous_response_id", "unsupported_parameter")


def test_a_completion_whole_and_streamed(client):
    client.script = live(answer(Text("Bach"), others=(answer(Text("Brahms")),)), (Chunk("Ba"), Chunk("ch")))

    found = client.completions.create(model="auto", prompt="Who?", n=2)
    events = list(client.completions.create(model="auto", prompt=["Who?"], stream=True))

    assert [choice.text for choice in found.choices] == ["Bach", "Brahms"]
    assert (found.choices[0].finish_reason, found.usage.total_tokens) == ("stop", 5)
    assert "".join(event.choices[0].text for event in events if event.choices[0].index == 0) == "Bach"
    assert events[-1].choices[0].finish_reason == "stop"


def test_a_completion_that_fails_after_the_first_word(client, openai):
    client.script = (Chunk("so far"), Problem(502, "broke off", "provider_error"))

    with pytest.raises(openai.APIError, match="broke off"):
        list(client.completions.create(model="auto", prompt="Who?", stream=True))
