"""A call that Ollama was asked for as the form of an answer."""

import pytest

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.ollama import client
from samplemind_cli.formats.types import Message, Request

TOOLS = tuple({"type": "function", "function": {"name": name}} for name in ("play", "stop"))
ASKED = Request(messages=(Message("user", "q"),), tools=TOOLS, tool_choice="required")
CALL = '{"name":"play","arguments":{"n":1}}'


def line(**message):
    return {"message": {"role": "assistant", "content": "", **message}, "done": False}


def answered(*lines, end="stop", asked=ASKED):
    read, draft = client.reader(asked), Draft("k", origin="ollama", names=asked.functions)
    for event in (*lines, {**line(), "done": True, "done_reason": end}):
        draft.add(read(event))
    draft.end()
    return draft.answer("ollama", "m")


@pytest.mark.parametrize(
    "lines",
    [
        [line(content=CALL)],
        [line(content=CALL[:9]), line(content=CALL[9:])],
        [line(content=f"```json\n{CALL}\n```")],
        [line(content='{"name":"play","arguments":"{\\"n\\":1}"}')],
        [line(thinking="hm"), line(content=CALL)],
        [line(tool_calls=[{"function": {"name": "play", "arguments": {"n": 1}}}])],
    ],
)
def test_the_call_is_read_wherever_the_model_makes_it(lines):
    found = answered(*lines)
    assert [(call.name, call.arguments) for call in found.tool_calls] == [("play", '{"n":1}')]
    assert (found.text, found.finish_reason, found.sound) == ("", "tool_calls", True)


@pytest.mark.parametrize(
    ("words", "end", "finish"),
    [
        ("I would play", "stop", "unknown"),
        ('{"name":"other","arguments":{}}', "stop", "unknown"),
        ('{"name":"pl', "length", "length"),
    ],
)
def test_what_is_no_call_is_told_as_what_it_is_and_not_kept(words, end, finish):
    found = answered(line(content=words[:4]), line(content=words[4:]), end=end)
    assert (found.text, found.finish_reason, found.tool_calls) == (words, finish, ())


def test_a_call_of_another_function_than_the_named_one_is_none():
    named = Request(
        messages=ASKED.messages, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "stop"}}
    )
    assert answered(line(content=CALL), asked=named).tool_calls == ()
