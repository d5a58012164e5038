"""Tool choices in the words of OpenAI's chat clients and of those that imitate them."""

import pytest

from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client, server
from samplemind_cli.formats.types import Endpoint

HOST = Endpoint("http://host/v1", "m")
F, G = ({"type": "function", "function": {"name": name}} for name in "fg")
ALLOWED = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}


def read(**changes):
    return server.read(Fields({"model": "m", "messages": [{"role": "user", "content": "hi"}], **changes}))


@pytest.mark.parametrize(
    "choice", [{"type": "allowed_tools", "allowed_tools": ALLOWED}, {"type": "allowed_tools", **ALLOWED}]
)
def test_of_allowed_tools_only_those_are_offered_to_who_has_no_word_for_it(choice):
    choice = {"type": "allowed_tools", **choice}
    found = read(tools=[F, G], tool_choice=choice)
    assert (found.tools, found.tool_choice) == ((G,), "required")
    assert [tool["name"] for tool in gemini.chat(found, HOST).json["tools"][0]["functionDeclarations"]] == ["g"]
    assert ollama.chat(found, HOST).json["format"]["properties"]["name"]["const"] == "g"
    assert client.chat(found, HOST).json["tool_choice"] == choice  # as it came


def test_mistrals_word_for_a_call_that_must_be_made_is_openais_to_other_hosts():
    assert client.chat(read(tools=[F], tool_choice="any"), HOST).json["tool_choice"] == "required"


def test_a_call_that_must_be_made_without_a_tool_is_an_error():
    for ask in (
        lambda: read(tool_choice="required"),
        lambda: read(tools=[], tool_choice="any"),
        lambda: anthropic.read(
            Fields({"max_tokens": 9, "messages": [{"role": "user", "content": "q"}], "tool_choice": {"type": "any"}})
        ),
    ):
        with pytest.raises(BadRequestError) as refused:
            ask()
        assert refused.value.param == "tool_choice"


def test_an_allowed_tool_that_is_not_among_the_tools_is_an_error():
    with pytest.raises(BadRequestError, match="'g', which is not one of the tools"):
        read(tools=[F], tool_choice={"type": "allowed_tools", "allowed_tools": ALLOWED})
