"""Choices among tools: each client's words for several of them, each provider's, and those of who has none."""

from dataclasses import replace

import pytest

from samplemind_cli.ai.question import payload
from samplemind_cli.formats.anthropic_messages import client as anthropic_client
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini_client
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client, mistral, server
from samplemind_cli.formats.openai_responses import client as responses_client
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Endpoint, Route

HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "m")
F, G, H = ({"type": "function", "function": {"name": name}} for name in "fgh")
ALLOWED = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
NAMES = {
    mode: {"mode": mode, "tools": [{"type": "function", "name": name} for name in "fg"]}
    for mode in ("auto", "required")
}


def chat(**changes):
    return server.read(Fields({"model": "m", "messages": [{"role": "user", "content": "hi"}], **changes}))


def some_in_chat(mode):
    return chat(
        tools=[F, G, H], tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [F, G]}}
    )


def some_in_responses(mode):
    tools = [{"type": "function", "name": name} for name in "fgh"]
    body = {"model": "m", "input": "hi", "tools": tools, "tool_choice": {"type": "allowed_tools", **NAMES[mode]}}
    return responses.read(Fields(body))


def some_in_gemini(mode):
    config = {"mode": {"required": "ANY", "auto": "VALIDATED"}[mode], "allowedFunctionNames": ["f", "g"]}
    declared = [{"functionDeclarations": [{"name": name} for name in "fgh"]}]
    body = {"contents": [{"parts": [{"text": "hi"}]}], "tools": declared}
    return gemini.read(Fields({**body, "toolConfig": {"functionCallingConfig": config}}))


CLIENTS = [some_in_chat, some_in_responses, some_in_gemini]


@pytest.mark.parametrize("asked", CLIENTS)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_of_some_tools_is_one_thing_in_every_clients_words(asked, mode):
    found = replace(asked(mode), body=None)

    assert (found.tool_choice, found.functions) == (some_in_chat(mode).tool_choice, {"f", "g"})
    assert found.needs == ({"tools", "tool_choice"} if mode == "required" else {"tools"})
    keys = [payload(Route("p", HOST), one)["tool_choice"] for one in (found, some_in_chat(mode))]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("asked", CLIENTS)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_who_has_a_word_for_some_tools_is_offered_all_and_told_which(asked, mode):
    found = replace(asked(mode), body=None)

    sent = client.chat(found, OPENAI).json
    assert sent["tool_choice"] == {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [F, G]}}
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["f", "g", "h"]
    sent = responses_client.chat(found, OPENAI).json
    assert sent["tool_choice"] == {"type": "allowed_tools", **NAMES[mode]}
    assert [tool["name"] for tool in sent["tools"]] == ["f", "g", "h"]


@pytest.mark.parametrize("asked", CLIENTS)
def test_gemini_is_told_the_names_of_which_one_must_be_called(asked):
    sent = gemini_client.chat(replace(asked("required"), body=None), HOST).json
    assert sent["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}}
    assert [tool["name"] for tool in sent["tools"][0]["functionDeclarations"]] == ["f", "g", "h"]


def test_gemini_is_told_its_own_word_for_some_that_may_be_called_and_offered_only_those_of_other_formats():
    config = {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}
    sent = gemini_client.chat(replace(some_in_gemini("auto"), body=None), HOST).json
    assert sent["toolConfig"] == {"functionCallingConfig": config}
    sent = gemini_client.chat(some_in_chat("auto"), HOST).json
    assert sent["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}
    assert [tool["name"] for tool in sent["tools"][0]["functionDeclarations"]] == ["f", "g"]


@pytest.mark.parametrize("asked", CLIENTS)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_of_some_tools_only_those_are_offered_to_who_has_no_word_for_it(asked, mode):
    found = replace(asked(mode), body=None)
    sent = anthropic_client.chat(found, HOST).json
    assert [tool["name"] for tool in sent["tools"]] == ["f", "g"]
    assert sent["tool_choice"] == {"type": {"auto": "auto", "required": "any"}[mode]}
    for room, word in ((client, mode), (mistral, {"auto": "auto", "required": "any"}[mode])):
        sent = room.chat(found, HOST).json
        assert [tool["function"]["name"] for tool in sent["tools"]] == ["f", "g"]
        assert sent["tool_choice"] == word
    sent = ollama.chat(found, HOST).json
    if mode == "auto":
        assert [tool["function"]["name"] for tool in sent["tools"]] == ["f", "g"]
    else:
        calls = sent["format"]["anyOf"]
        assert [call["properties"]["name"]["const"] for call in calls] == ["f", "g"]


@pytest.mark.parametrize(
    "choice", [{"type": "allowed_tools", "allowed_tools": ALLOWED}, {"type": "allowed_tools", **ALLOWED}]
)
def test_allowed_tools_may_stand_in_an_object_of_their_own_or_beside_their_type(choice):
    found = chat(tools=[F, G], tool_choice=choice)
    assert found.functions == {"g"}
    assert [tool["name"] for tool in gemini_client.chat(found, HOST).json["tools"][0]["functionDeclarations"]] == [
        "f",
        "g",
    ]
    assert ollama.chat(found, HOST).json["format"]["properties"]["name"]["const"] == "g"
    assert client.chat(found, HOST).json["tool_choice"] == choice  # as it came


def test_a_choice_of_all_tools_is_none_among_them():
    every = {"mode": "required", "tools": [F, G]}
    assert chat(tools=[F, G], tool_choice={"type": "allowed_tools", "allowed_tools": every}).tool_choice == "required"
    nothing = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert chat(tools=[F, G], tool_choice=nothing).tool_choice == "none"


def test_mistrals_word_for_a_call_that_must_be_made_is_openais_to_other_hosts():
    assert client.chat(chat(tools=[F], tool_choice="any"), HOST).json["tool_choice"] == "required"


def test_a_call_that_must_be_made_without_a_tool_is_an_error():
    nothing = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}
    for ask in (
        lambda: chat(tool_choice="required"),
        lambda: chat(tools=[], tool_choice="any"),
        lambda: chat(tools=[F], tool_choice=nothing),
        lambda: anthropic.read(
            Fields({"max_tokens": 9, "messages": [{"role": "user", "content": "q"}], "tool_choice": {"type": "any"}})
        ),
    ):
        with pytest.raises(BadRequestError) as refused:
            ask()
        assert refused.value.param == "tool_choice"


def test_an_allowed_tool_that_is_not_among_the_tools_is_an_error():
    with pytest.raises(BadRequestError, match="'g', which is not one of the tools"):
        chat(tools=[F], tool_choice={"type": "allowed_tools", "allowed_tools": ALLOWED})
