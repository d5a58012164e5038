import json

from samplemind_cli.formats.openai_chat import answers
from samplemind_cli.formats.types import Answer, Chunk, Text, ToolCall, Usage


def answer(**changes):
    return Answer(
        **{"parts": (Text("x"),), "provider": "ollama", "model": "m", "key": "k", "finish_reason": "stop"} | changes
    )


def said(events, *chunks):
    found = [json.loads(event.removeprefix(b"data: ")) for chunk in chunks for event in events.of(chunk)]
    return [event["choices"][0] if event["choices"] else event["usage"] for event in found]


def test_pieces_of_two_calls_keep_their_places():
    first = Chunk(tool_calls=(ToolCall("a", "{", "1", 0),))
    second = Chunk(tool_calls=(ToolCall("b", "", "2", 1), ToolCall("", "}", "", 0)))

    choices = said(answers.Events("1", "m", count=False), first, second)

    assert choices[0]["delta"]["role"] == "assistant"
    assert [(c["index"], c["function"]) for choice in choices for c in choice["delta"]["tool_calls"]] == [
        (0, {"arguments": "{", "name": "a"}),
        (1, {"arguments": "", "name": "b"}),
        (0, {"arguments": "}"}),
    ]


def test_the_last_event_counts_when_asked_to():
    whole = Chunk(text="x", answer=answer(usage=Usage(1, 2)))

    assert said(answers.Events("1", "m", count=True), whole)[-1]["total_tokens"] == 3
    assert said(answers.Events("1", "m", count=False), whole)[-1]["finish_reason"] == "stop"


def test_a_refusal_ends_as_openais_filter_does():
    choice = json.loads(answers.completion(answer(finish_reason="refusal", parts=(Text("no"),)), "1"))["choices"][0]

    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "no")
