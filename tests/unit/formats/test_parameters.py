"""The parameters that not every provider has: each where its provider's documents put it, and nowhere else."""

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import embedded
from samplemind_cli.formats.types import Endpoint, Message, Request
from samplemind_cli.providers import TABLE, Provider

ENDPOINT = Endpoint("http://x", "m")
TOOLS = ({"type": "function", "function": {"name": "play"}},)
SAMPLING = {"top_p": 0.5, "stop": ("END",), "seed": 0, "presence_penalty": 0.0, "frequency_penalty": -1.0}
SENT = {**SAMPLING, "stop": ["END"]}


def body(adapter, **changes):
    return adapter.chat(Request(messages=(Message("user", "hi"),), **changes), ENDPOINT).json


def listed(found):
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def test_each_provider_takes_the_parameters_its_documents_know():
    asked = Request(messages=())
    taken = {p: {name for name in SAMPLING if CLIENTS[TABLE[p].client].takes(name, asked, ENDPOINT)} for p in Provider}
    sampling = set(SAMPLING)
    assert taken == {
        Provider.OLLAMA: sampling,
        Provider.GEMINI: sampling,
        Provider.CLAUDE: {"stop"},
        Provider.OPENAI: sampling,
        Provider.EMBEDDED: sampling,
    }


@pytest.mark.parametrize("adapter", CLIENTS.values(), ids=CLIENTS)
def test_what_was_not_given_is_not_sent(adapter):
    assert body(adapter, tools=TOOLS, top_p=None, stop=()) == body(adapter, tools=TOOLS)
    assert "tool_choice" not in body(adapter, tools=TOOLS)


def test_ollama_has_them_among_its_options():
    assert listed(body(ollama, **SAMPLING)["options"]) == SENT


def test_gemini_has_them_in_its_config_under_names_of_its_own():
    assert listed(body(gemini, **SAMPLING)["generationConfig"]) == {
        "topP": 0.5,
        "stopSequences": ["END"],
        "seed": 0,
        "presencePenalty": 0.0,
        "frequencyPenalty": -1.0,
    }


def test_openai_has_them_as_they_are():
    assert (
        listed(body(openai, tools=TOOLS, parallel_tool_calls=False, **SAMPLING)).items()
        >= {
            "parallel_tool_calls": False,
            **{name: value for name, value in SENT.items() if name != "stop"},
        }.items()
    )
    assert list(body(openai, stop=("END",))["stop"]) == ["END"]


def test_the_embedded_models_own_sampling_gives_way():
    assert body(embedded)["top_p"] == 0.9
    assert body(embedded, **SAMPLING)["top_p"] == 0.5


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
        (
            {"type": "function", "function": {"name": "play"}},
            {"type": "tool", "name": "play", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_claude_is_told_of_one_call_at_most_beside_its_choice(choice, sent):
    assert body(anthropic, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)["tool_choice"] == sent


def test_claude_stops_at_sequences():
    assert body(anthropic, stop=("END",))["stop_sequences"] == ["END"]
