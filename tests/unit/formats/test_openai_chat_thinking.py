"""How much to think, as hosts that speak OpenAI's format have it: told to every provider in its own words."""

import pytest

from samplemind_cli.ai.question import payload
from samplemind_cli.ai.types import Route
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import server
from samplemind_cli.formats.types import Endpoint

HI = [{"role": "user", "content": "hi"}]
HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "gpt-6")
BUDGETS = [{"reasoning": {"max_tokens": 2000}}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}]
BUDGETS += [{"thinking_budget": 2000}]
SWITCHED_OFF = [{"enable_thinking": False}, {"think": False}, {"thinking": {"type": "disabled"}}]
SWITCHED_OFF += [{"reasoning": {"enabled": False}}, {"chat_template_kwargs": {"enable_thinking": False}}]


def read(**changes):
    return server.read(Fields({"model": "m", "messages": HI, **changes}))


@pytest.mark.parametrize("asked", BUDGETS, ids=str)
def test_a_budget_is_told_to_every_provider(asked):
    found = read(**asked)
    assert anthropic.chat(found, HOST).json["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert gemini.chat(found, HOST).json["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 2000
    assert ollama.chat(found, HOST).json["think"] is True
    assert openai.chat(found, OPENAI).json["reasoning_effort"] == "medium"
    assert found.wishes == {"thinking_budget", *(asked.keys() & {"chat_template_kwargs"})}


@pytest.mark.parametrize("asked", SWITCHED_OFF, ids=str)
def test_thinking_that_is_switched_off_is_off_everywhere(asked):
    found = read(**asked)
    assert anthropic.chat(found, HOST).json["thinking"] == {"type": "disabled"}
    assert ollama.chat(found, HOST).json["think"] is False
    assert openai.chat(found, OPENAI).json["reasoning_effort"] == "none"


OWN_WORDS = [asked for asked in (*BUDGETS, *SWITCHED_OFF) if asked != {"reasoning": {"enabled": False}}]


@pytest.mark.parametrize("asked", [*OWN_WORDS, {"reasoning_effort": "default"}], ids=str)
def test_a_compatible_host_is_told_it_in_its_clients_words_also_anew(asked):
    twice = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}] * 2
    turns = [*HI, {"role": "assistant", "tool_calls": twice}]
    for messages in (HI, turns):  # calls with one id are told anew
        sent = openai.chat(read(messages=messages, **asked), HOST).json
        assert asked.items() <= sent.items()
        assert "reasoning_effort" not in sent or "reasoning_effort" in asked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"reasoning": {"max_tokens": 2000}}, {"reasoning": {"max_tokens": 4000}}),
        ({"reasoning": {"effort": "low", "exclude": True}}, {"reasoning": {"effort": "low"}}),
        ({"reasoning": {"enabled": True}}, {}),
        ({"reasoning_effort": "default"}, {}),
        ({"enable_thinking": True}, {"enable_thinking": False}),
    ],
)
def test_answers_are_not_shared_between_different_ways_to_think(one, other):
    route = Route("openai", HOST)
    assert payload(route, read(**one)) != payload(route, read(**other))


def test_a_word_that_leaves_it_to_the_model_goes_to_hosts_of_this_format():
    found = read(reasoning_effort="default")
    assert (found.effort, found.wishes) == ("", {"reasoning_effort"})
    assert openai.chat(found, HOST).json["reasoning_effort"] == "default"
    assert "thinking" not in anthropic.chat(found, HOST).json
