import json

from samplemind_cli.ai.types import Answer, Chunk, ToolCall, Usage
from samplemind_cli.server import told


def answer(**changes):
    return Answer(**{"text": "x", "provider": "ollama", "model": "m", "key": "k", "finish_reason": "stop"} | changes)


def said(events, *chunks):
    found = [json.loads(event.removeprefix(b"data: ")) for chunk in chunks for event in events.of(chunk)]
    return [event["choices"][0] if event["choices"] else event["usage"] for event in found]


def test_pieces_of_two_calls_keep_their_places():
    first = Chunk(tool_calls=(ToolCall("a", "{", "1", 5),))
    second = Chunk(tool_calls=(ToolCall("b", "", "2", 9), ToolCall("", "}", "", 5)))

    choices = said(told.Events("1", "m", count=False), first, second)

    assert choices[0]["delta"]["role"] == "assistant"
    assert [(c["index"], c["function"]) for choice in choices for c in choice["delta"]["tool_calls"]] == [
        (0, {"arguments": "{", "name": "a"}),
        (1, {"arguments": "", "name": "b"}),
        (0, {"arguments": "}"}),
    ]


def test_the_last_event_counts_when_asked_to():
    whole = Chunk(text="x", answer=answer(usage=Usage(1, 2)))

    assert said(told.Events("1", "m", count=True), whole)[-1]["total_tokens"] == 3
    assert said(told.Events("1", "m", count=False), whole)[-1]["finish_reason"] == "stop"


def test_a_refusal_ends_as_openais_filter_does():
    choice = json.loads(told.completion(answer(finish_reason="refusal", text="no"), "1"))["choices"][0]

    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "no")
