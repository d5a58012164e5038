"""Odd answers and errors out of public reports (vLLM, LM Studio, OpenRouter, MiniMax, …): each is read as it is meant.

`shapes.json` holds the bytes and what is to be read in them; what it does not say of an answer is left open.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from parts.scripted import provider

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.streams import Decoder
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.anthropic_messages import server as anthropic_server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.foreign import Interpreter
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.gemini import server as gemini_server
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.ollama import server as ollama_server
from samplemind_cli.formats.openai_chat import answers
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import server as openai_server
from samplemind_cli.providers import TABLE
from samplemind_cli.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_backoff")]
SHAPES = json.loads(Path(__file__).with_name("shapes.json").read_text())
TOOLS = tuple({"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "now"))
THOUGHTS = {"alt": "sse", "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
ROOMS = {
    "openai": (openai_server, openai, {}),
    "anthropic": (anthropic_server, anthropic, {"model": "m", "max_tokens": 9, "messages": []}),
    "gemini": (gemini_server, gemini, THOUGHTS),
    "ollama": (ollama_server, ollama, {"model": "m"}),
}
SAID = ("text", "thinking", "calls")
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


@pytest.mark.parametrize("client_format", ROOMS)
@pytest.mark.parametrize("shape", ANSWERS, ids=lambda shape: shape["name"])
def test_a_client_of_any_format_reads_the_same_streamed_and_whole(tmp_path, shape, client_format):
    room, client, fields = ROOMS[client_format]
    source = TABLE[client_format].format
    telling, teller = Interpreter(source), room.events("1", f"{shape['provider']}/m", Fields(fields))
    asked = replace(QUESTION, source=source)
    with provider(shape["response"]["body"], kind=shape["response"]["content_type"]) as server:
        chunks = list(core(server, tmp_path).stream_sync(asked, Options(provider=shape["provider"])))
    told_to = said(chunks[-1].answer)
    streamed = b"".join(e for chunk in chunks for each in telling.chunks(chunk) for e in teller.of(each)) + teller.end()
    whole = room.whole(Interpreter(source).answer(chunks[-1].answer), "1", Fields(fields))

    for body in (streamed, whole):
        again = said(read_back(client, body, source))
        assert {name: again[name] for name in SAID} == {name: told_to[name] for name in SAID}


def read_back(client, body, source):
    """The answer that a client's own reader finds in what it was told."""
    read, decoder = client.reader(QUESTION), Decoder("")
    draft = Draft("k", origin=source, names=QUESTION.functions)
    for event in (*decoder.feed(body), *decoder.end()):
        for piece in (found := read(event)).pieces or (found,):
            draft.add(piece)
    draft.end()
    return draft.answer("a", "b")


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
