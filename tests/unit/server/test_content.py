import json

import pytest

from samplemind_cli.ai.types import Answer, Text, ToolCall
from samplemind_cli.server.content import LONGEST, answer_text, prompt_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]},
            "system: be brief\nuser: hi",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]},
            "user: a",
        ),
        ({"system": "be brief", "prompt": "hi"}, "be brief\nhi"),
        ({"input": ["one", "two"]}, "one\ntwo"),
        ({"input": "one"}, "one"),
        ({"messages": "nonsense", "prompt": 7, "input": [[1]]}, ""),
        ([], ""),
    ],
)
def test_what_was_asked_is_read_off_any_body(body, text):
    assert prompt_text(json.dumps(body).encode()) == text


def test_a_body_that_is_no_json_says_nothing():
    assert prompt_text(b"") == prompt_text(b"{") == ""


def test_long_words_are_cut():
    assert len(prompt_text(json.dumps({"prompt": "x" * 10_000}).encode())) == LONGEST + 1


def test_an_answer_is_its_text_and_the_calls_it_wants():
    call = ToolCall("play", '{"a":1}')
    answer = Answer(parts=(Text("yes"), call), provider="p", model="m", key="", finish_reason="tool_calls")
    assert answer_text(answer) == 'yes\nplay({"a":1})'
