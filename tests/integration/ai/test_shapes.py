"""Odd answers and errors out of public reports (vLLM, LM Studio, OpenRouter, MiniMax, …): each is read as it is meant.

`shapes.json` holds the bytes and what is to be read in them; what it does not say of an answer is left open.
"""

import json
from pathlib import Path

import pytest
from parts.scripted import provider

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats.openai_chat import answers
from samplemind_cli.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_backoff")]
SHAPES = json.loads(Path(__file__).with_name("shapes.json").read_text())
TOOLS = tuple({"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "now"))
QUESTION = Request(messages=(Message("user", "q"),), tools=TOOLS)


def core(server, folder):
    urls = {f"{of}_base_url": server.url + "/v1" * (of == "openai") for of in ("openai", "anthropic", "gemini")}
    keys = dict.fromkeys((f"{of}_api_key" for of in ("openai", "anthropic", "gemini")), "topsecret-team-token")
    return AICore(Settings(ollama_host=server.url, **urls, **keys, cache_dir=str(folder)))


def said(answer):
    """What is compared, by the names that the shapes use."""
    calls = [[call.name, json.loads(call.arguments)] for call in answer.tool_calls]
    usage = [answer.usage.input_tokens, answer.usage.output_tokens]
    known = {"text": answer.text, "thinking": answer.thinking, "finish": answer.finish_reason}
    return {**known, "calls": calls, "usage": usage}


def told(chunks):
    """The text and the calls as a client of a stream hears them."""
    teller, text, calls = answers.Events("1", "a/b", count=False), "", {}
    for event in (event for chunk in chunks for event in teller.of(chunk)):
        delta = json.loads(event[len("data: ") :])["choices"][0]["delta"]
        text += delta.get("content") or ""
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], ["", ""])
            call[0] += piece["function"].get("name", "")
            call[1] += piece["function"].get("arguments", "")
    return {"text": text, "calls": [[name, json.loads(arguments)] for name, arguments in calls.values()]}


def fault(error):
    """The provider's fault behind an error."""
    while error and not isinstance(error, UnavailableError):
        error = error.__cause__
    return error.fault.kind


def chosen(shape, found):
    return {name: value for name, value in found.items() if name in shape["expect"]}


ANSWERS = [shape for shape in SHAPES if "error" not in shape["expect"]]
ERRORS = [shape for shape in SHAPES if "error" in shape["expect"]]


@pytest.mark.parametrize("shape", ANSWERS, ids=lambda shape: shape["name"])
def test_an_odd_answer_is_read_as_it_is_meant_fresh_streamed_and_out_of_the_cache(tmp_path, shape):
    response, expected = shape["response"], shape["expect"]
    with provider(response["body"], kind=response["content_type"]) as server:
        chunks = list(core(server, tmp_path).stream_sync(QUESTION, Options(provider=shape["provider"])))
        again = core(server, tmp_path).ask_sync(QUESTION, Options(provider=shape["provider"]))

    fresh = chunks[-1].answer
    assert chosen(shape, {**said(fresh), "cached": bool(again.cached)}) == expected
    assert chosen(shape, told(chunks)) == {name: expected[name] for name in ("text", "calls") if name in expected}
    assert said(again) == said(fresh)


@pytest.mark.parametrize("shape", ERRORS, ids=lambda shape: shape["name"])
def test_an_odd_error_is_told_in_its_own_words_and_by_its_kind(tmp_path, shape):
    response, expected = shape["response"], shape["expect"]
    with (
        provider(response["body"], status=response["status"], kind=response["content_type"]) as server,
        pytest.raises(ProviderError) as raised,
    ):
        core(server, tmp_path).ask_sync(QUESTION, Options(provider=shape["provider"]))

    assert expected["error"] in raised.value.message
    assert "kind" not in expected or fault(raised.value) == expected["kind"]
