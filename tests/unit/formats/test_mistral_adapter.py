import pytest

from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import mistral
from samplemind_cli.formats.types import Endpoint, Message, Request

ENDPOINT = Endpoint("https://api.mistral.ai/v1", "m", "k")
TOOLS = ({"type": "function", "function": {"name": "play"}},)


def body(**changes):
    return mistral.chat(Request(messages=(Message("user", "hi"),), **changes), ENDPOINT).json


def test_usage_comes_unasked_so_no_field_is_sent_that_mistral_refuses():
    assert "stream_options" not in body()
    assert set(body(max_tokens=5, temperature=0.5)) == {"model", "messages", "stream", "max_tokens", "temperature"}


def test_a_seed_and_a_call_that_must_come_have_its_own_words():
    sent = body(seed=7, tools=TOOLS, tool_choice="required")

    assert (sent["random_seed"], sent["tool_choice"], "seed" in sent) == (7, "any", False)


def test_a_field_that_it_does_not_know_is_not_sent():
    sent = body(extra={"verbosity": "low", "n": 2}, effort="low", unkeyed={"store": True}, source="openai_chat")

    assert sent["n"] == 2
    assert not {"verbosity", "store", "reasoning_effort"} & set(sent)


@pytest.mark.parametrize("name", ["verbosity", "effort", "thinking_budget", "logprobs", "file_id"])
def test_what_is_left_out_is_told(name):
    assert not mistral.takes(name, Request(messages=()), ENDPOINT)


def test_everything_else_is_asked_and_read_as_openai_is():
    request = Request(messages=(Message("system", "s"), Message("user", "hi")), tools=TOOLS)

    plain, asked = openai.chat(request, ENDPOINT), mistral.chat(request, ENDPOINT)

    assert (asked.url, asked.headers) == (plain.url, plain.headers)
    assert asked.json == {name: value for name, value in plain.json.items() if name != "stream_options"}
    assert mistral.read is openai.read
