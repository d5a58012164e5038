"""The official client reads what we write, and we read what it sends."""

import json

import pytest

from samplemind_cli.formats.anthropic_messages import server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Answer, Chunk, Opaque, Problem, Text, Thinking, ToolCall, Usage

pytestmark = pytest.mark.slow  # it takes a second to import, so each test does that itself

OWN = "anthropic_messages"
TOOL = {"name": "play", "description": "plays", "input_schema": {"type": "object", "properties": {}}}
HI = [{"role": "user", "content": "hi"}]
SEARCH = Opaque(OWN, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}})
FOUND = Opaque(OWN, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []})
CITED = {
    "type": "char_location",
    "cited_text": "c",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
    "file_id": None,
}
CITATION = Opaque(OWN, {"type": "citations_delta", "citation": CITED})
WHOLE = Answer(
    parts=(
        Thinking("hm", "sig", OWN),
        Thinking("", "sealed", OWN, redacted=True),
        SEARCH,
        FOUND,
        Text("Hello"),
        CITATION,
        ToolCall("play", '{"loud":true,"n":[1,2]}', "toolu_1"),
        ToolCall("stop", "{}", "toolu_2"),
    ),
    provider="anthropic",
    model="m",
    key="k",
    finish_reason="tool_calls",
    usage=Usage(100, 7, 60, 2, 30),
)
PIECES = [
    Chunk(thinking="h", usage=Usage(100, None, 60, None, 30)),
    Chunk(thinking="m"),
    Chunk(signature="sig"),
    Chunk(block=WHOLE.parts[1]),
    Chunk(block=SEARCH),
    Chunk(block=FOUND),
    Chunk(text="Hel"),
    Chunk(text="lo"),
    Chunk(block=CITATION),
    Chunk(tool_calls=(ToolCall("play", '{"loud":', "toolu_1", 0),)),
    Chunk(tool_calls=(ToolCall("stop", "", "toolu_2", 1),)),
    Chunk(tool_calls=(ToolCall(arguments='true,"n":[1,2]}', index=0), ToolCall(arguments="{}", index=1))),
    Chunk(answer=WHOLE),
]


def response(content, kind="application/json", status=200):
    import httpx2

    return httpx2.Response(status, content=content, headers={"content-type": kind})


def client(respond):
    """The official client, whose requests are answered by a function of their body's fields."""

    import anthropic
    import httpx2

    def handler(request):
        return respond(Fields(json.loads(request.content)))

    transport = httpx2.MockTransport(handler)
    return anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def answering(*chunks):
    """What serves an answer: whole, or in the events of these chunks, with pings between them."""

    def respond(fields):
        server.read(fields)
        if not server.streams(fields):
            return response(server.whole(chunks[-1].answer, "1", fields))
        events = server.events("1", "anthropic/m", fields)
        told = [b"".join(events.of(chunk)) + events.idle() for chunk in chunks]
        return response(b"".join([*told, events.end()]), events.kind)

    return respond


def told(message):
    return [block.model_dump(mode="json", exclude_none=True) for block in message.content]


EXPECTED = [
    {"type": "thinking", "thinking": "hm", "signature": "sig"},
    {"type": "redacted_thinking", "data": "sealed"},
    dict(SEARCH.value),
    dict(FOUND.value),
    {"type": "text", "text": "Hello", "citations": [{k: v for k, v in CITED.items() if v is not None}]},
    {"type": "tool_use", "id": "toolu_1", "name": "play", "input": {"loud": True, "n": [1, 2]}},
    {"type": "tool_use", "id": "toolu_2", "name": "stop", "input": {}},
]


@pytest.mark.parametrize("chunks", [PIECES, PIECES[-1:]], ids=["fresh", "cached"])
def test_its_streaming_helper_gathers_the_whole_message(chunks):
    with client(answering(*chunks)).messages.stream(model="auto", max_tokens=9, messages=HI, tools=[TOOL]) as stream:
        words = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert words == "Hello"
    assert told(message) == EXPECTED
    assert (message.stop_reason, message.id, message.model) == ("tool_use", "msg_1", "anthropic/m")
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (10, 60, 30)
    assert (usage.output_tokens, usage.output_tokens_details.thinking_tokens) == (7, 2)


def test_its_plain_stream_validates_every_event():
    events = list(client(answering(*PIECES)).messages.create(model="auto", max_tokens=9, messages=HI, stream=True))

    assert [event.type for event in events[:2]] == ["message_start", "content_block_start"]
    assert [event.type for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    for event in events:
        type(event).model_validate(event.model_dump(), strict=True)


def test_it_reads_a_whole_message():
    message = client(answering(PIECES[-1])).messages.create(model="auto", max_tokens=9, messages=HI)

    assert told(message) == EXPECTED
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 7)


def test_what_it_sends_back_of_an_answer_is_read_as_it_was():
    message = client(answering(PIECES[-1])).messages.create(model="auto", max_tokens=9, messages=HI)
    seen = []

    def respond(fields):
        seen.append(server.read(fields))
        return answering(PIECES[-1])(fields)

    results = [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": "ok"} for n in (1, 2)]
    turns = [*HI, message.to_param(), {"role": "user", "content": results}]
    client(respond).messages.create(model="auto", max_tokens=9, messages=turns)

    parts = seen[0].messages[1].parts
    cited = {"citations": [{k: v for k, v in CITED.items() if v is not None}]}
    assert [part for part in parts if not isinstance(part, Text)] == [
        part for part in WHOLE.parts if not isinstance(part, Text) and part is not CITATION
    ]
    text = next(part for part in parts if isinstance(part, Text))
    assert text.text == "Hello"
    kept = [{k: v for k, v in each.items() if v is not None} for each in text.hints["citations"]]
    assert kept == cited["citations"]
    assert [message.role for message in seen[0].messages[2:]] == ["tool", "tool"]


def test_its_beta_client_reads_the_same():
    with client(answering(*PIECES)).beta.messages.stream(
        model="auto", max_tokens=9, messages=HI, betas=["context-management-2025-06-27"]
    ) as stream:
        assert told(stream.get_final_message()) == EXPECTED


def test_it_reads_an_estimate_of_tokens():
    def respond(fields):
        return response(json.dumps({"input_tokens": server.count_tokens(fields)}))

    counted = client(respond).messages.count_tokens(model="auto", messages=HI, system="be brief", tools=[TOOL])

    assert counted.input_tokens > 20


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (Problem(400, "no"), "BadRequestError"),
        (Problem(401, "no"), "AuthenticationError"),
        (Problem(403, "no"), "PermissionDeniedError"),
        (Problem(404, "no"), "NotFoundError"),
        (Problem(413, "no"), "ContentTooLargeError"),
        (Problem(429, "no"), "RateLimitError"),
        (Problem(503, "no"), "ServiceUnavailableError"),
        (Problem(529, "no", kind="overloaded"), "OverloadedError"),
    ],
)
def test_it_raises_an_error_of_its_own_for_each_problem(problem, error):
    import anthropic

    def respond(_):
        return response(json.dumps(server.error(problem)), status=problem.status)

    with pytest.raises(anthropic.APIStatusError) as raised:
        client(respond).messages.create(model="auto", max_tokens=9, messages=HI)

    assert type(raised.value).__name__ == error
    assert raised.value.body == server.error(problem)


def test_it_raises_an_error_that_comes_in_the_stream():
    import anthropic

    def respond(fields):
        events = server.events("1", "anthropic/m", fields)
        told = b"".join(events.of(PIECES[0])) + events.failed(Problem(503, "busy", "overloaded", kind="overloaded"))
        return response(told, events.kind)

    with (
        pytest.raises(anthropic.APIStatusError, match="busy"),
        client(respond).messages.stream(model="auto", max_tokens=9, messages=HI) as stream,
    ):
        stream.get_final_message()
