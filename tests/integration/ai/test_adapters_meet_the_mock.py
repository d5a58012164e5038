"""Two readings of the same documents, made apart: the adapters' and the mock's."""

import json
from dataclasses import replace

import httpx
import pytest

from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.types import Endpoint, Message, Request
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_responses import client as responses
from samplemind_cli.mock import MockServer

pytestmark = pytest.mark.integration

ADAPTERS = {"ollama": ollama, "gemini": gemini, "anthropic": anthropic, "openai": openai, "responses": responses}
HELLO = (Message("user", "hi there"),)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}

each = pytest.mark.parametrize("name", ADAPTERS)
both = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


def endpoint(server, name):
    return Endpoint(server.url + ("/v1" if name in ("openai", "responses") else ""), "m", "k")


def heard(server, name, **request):
    """The answer, joined of what the adapter reads of each event."""
    draft = Draft()
    for chunk in chunks(server, name, **request):
        draft.add(chunk)
    return draft.answer(name, "m")


def unstreamed(call):
    """The call as a server takes it that knows no streams."""
    body = {key: value for key, value in call.json.items() if key != "stream_options"}
    url = call.url.replace("streamGenerateContent?alt=sse", "generateContent")
    return replace(call, url=url, json={**body, "stream": False} if "stream" in body else body)


def chunks(server, name, stream=True, **request):
    call = ADAPTERS[name].chat(Request(**{"messages": HELLO} | request), endpoint(server, name))
    call = call if stream else unstreamed(call)
    read = ADAPTERS[name].reader(Request(**{"messages": HELLO} | request))
    with (
        httpx.Client(verify=False) as client,
        client.stream(call.method, call.url, json=call.json, headers=call.headers) as answer,
    ):
        answer.raise_for_status()
        lines = answer.iter_lines() if call.json.get("stream") or "alt=sse" in call.url else [answer.read().decode()]
        for line in lines:
            if (event := line.removeprefix("data: ")).startswith("{"):
                found = read(json.loads(event))
                yield from found.pieces or (found,)


def refused(server, name):
    call = ADAPTERS[name].chat(Request(messages=HELLO), endpoint(server, name))
    answer = httpx.post(call.url, json=call.json, headers=call.headers, verify=False)
    return ADAPTERS[name].fault(answer.status_code, answer.json())


@each
@both
def test_an_answer_is_heard_whole_and_counted(name, stream):
    with MockServer() as server:
        answer = heard(server, name, stream=stream)
    assert (answer.text, answer.finish_reason) == ("You said: hi there", "stop")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


@each
@both
def test_the_model_that_answers_is_heard(name, stream):
    with MockServer() as server:
        assert {chunk.model for chunk in chunks(server, name, stream=stream)} - {""} == {"m"}


@each
@both
def test_a_tool_call_is_heard_whole(name, stream):
    with MockServer() as server:
        answer = heard(server, name, stream=stream, tools=(TOOL,), tool_choice="required")
    (call,) = answer.tool_calls
    assert (call.name, answer.finish_reason) == ("f", "tool_calls")
    assert isinstance(json.loads(call.arguments)["a"], int)


@each
@both
def test_a_schema_is_understood(name, stream):
    with MockServer() as server:
        answer = heard(server, name, stream=stream, schema=SCHEMA)
    assert isinstance(json.loads(answer.text)["a"], int)


@each
@both
def test_an_answer_cut_by_the_limit_is_told(name, stream):
    with MockServer(faults=["length"]) as server:
        assert heard(server, name, stream=stream).finish_reason == "length"


@pytest.mark.parametrize(
    ("name", "finish"),
    [("gemini", "filtered"), ("anthropic", "refusal"), ("openai", "filtered"), ("responses", "filtered")],
)
@both
def test_a_withheld_answer_is_told(name, finish, stream):
    with MockServer(faults=["filter"]) as server:
        assert heard(server, name, stream=stream).finish_reason == finish


@each
@pytest.mark.parametrize(
    ("fault", "kind"),
    [("auth", "auth"), ("too-long", "too_long"), ("429", "rate"), ("503", "overloaded"), ("500", "server")],
)
def test_a_refused_request_has_its_kind(name, fault, kind):
    with MockServer(faults=[fault]) as server:
        assert refused(server, name).kind == kind
