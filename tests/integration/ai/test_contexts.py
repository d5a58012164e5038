"""A prompt that is longer than a local model's context: told at once, with the model, its context and what helps."""

import json

import pytest
from parts.scripted import NDJSON, ollama, provider

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_backoff")]
TOO_LONG = json.dumps({"error": "the input length exceeds the context length"})


GOOD = (200, ollama("four")[0])


def daemon(context, answer=GOOD):
    def said(request):
        if "messages" in request:
            return answer
        return 200, json.dumps({"model_info": {"llama.context_length": context}})

    return provider(said, kind=NDJSON)


def ask(server, folder, words):
    core = AICore(Settings(ollama_host=server.url, cache_dir=str(folder)))
    return core.ask_sync(Request(messages=(Message("user", words),)), Options(model="ollama/m"))


def chats(server):
    return [request for request in server.asked if "messages" in request]


def test_a_prompt_that_cannot_fit_is_refused_before_the_daemon_counts_it(tmp_path):
    with daemon(1000) as server, pytest.raises(ProviderError, match=r"context of m, 1000 tokens.*--model"):
        ask(server, tmp_path, "word " * 4000)

    assert chats(server) == []


@pytest.mark.parametrize(("words", "context"), [("word " * 4000, 8192), ("hi", 1), ("word " * 4000, None)])
def test_a_prompt_that_may_fit_is_asked(tmp_path, words, context):
    with daemon(context) as server:
        assert ask(server, tmp_path, words).text == "four"

    assert len(chats(server)) == 1
    assert words != "hi" or len(server.asked) == 1


def test_a_refusal_for_its_length_names_the_model_its_context_and_what_helps(tmp_path):
    with daemon(8192, (400, TOO_LONG)) as server, pytest.raises(ProviderError) as raised:
        ask(server, tmp_path, "hi")

    assert "the prompt is longer than the context of m, 8192 tokens: choose a model" in raised.value.message
    assert len(chats(server)) == 1


def test_the_real_daemon_says_how_long_a_prompt_may_be(tmp_path, talking_daemon):
    core = AICore(Settings(ollama_host=talking_daemon.url, cache_dir=str(tmp_path)))
    with pytest.raises(ProviderError, match=r"context of tiny, \d+ tokens"):
        core.ask_sync("word " * 4000, Options(model="ollama/tiny"))
