"""An error as the first event of a stream whose status is good: tried again as the same error's own status would be."""

import asyncio
import json
import time

import pytest
from parts.scripted import JSON, NDJSON, SSE, WIRES, events, provider, route

from samplemind_cli.ai import AICore, Message, Options, Request, http_client
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
KEY = "topsecret-team-token"
HI = Request(messages=(Message("user", "q"),))

each = pytest.mark.parametrize("name", WIRES)
OVERLOADED = {
    "openai": [
        {"error": {"message": "busy", "type": "server_error", "code": 503}},
        {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}},
        {"error": {"message": "The server had an error", "type": "server_error", "code": None}},
        {"error": {"code": 502, "message": "Provider returned error"}, "choices": [{"delta": {"content": ""}}]},
        {"choices": [{"index": 0, "delta": {"content": ""}, "error": {"code": 502, "message": "upstream"}}]},
    ],
    "anthropic": [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
        {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}},
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
    "gemini": [
        {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
        {"error": {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}},
        [{"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}}],
    ],
    "responses": [
        {"type": "error", "code": "server_is_overloaded", "message": "busy", "param": None, "sequence_number": 2},
        {"type": "error", "error": {"type": "server_error", "code": "server_error", "message": "an error"}},
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Rate limit reached"}},
        },
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "had an error"}}},
    ],
    "ollama": [
        {"error": "server busy, please try again.  maximum pending requests exceeded"},
        {"error": {"message": "busy", "code": 503}},
    ],
}
LASTING = {
    "openai": {"error": {"message": "no such tool", "type": "invalid_request_error", "code": 400}},
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}},
    "gemini": {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}},
    "responses": {
        "type": "response.failed",
        "response": {"status": "failed", "error": {"code": "invalid_prompt", "message": "no such thing"}},
    },
    "ollama": {"error": "model requires more system memory (5.5 GiB) than is available (3.1 GiB)"},
}
BEGINNINGS = {
    "openai": {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    "anthropic": {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 5}}},
    "gemini": {"usageMetadata": {"promptTokenCount": 5}, "modelVersion": "m"},
    "responses": {"type": "response.created", "response": {"status": "in_progress", "output": [], "error": None}},
    "ollama": {"model": "m", "message": {"role": "assistant", "content": ""}, "done": False},
}


def told(name, *values):
    if name == "ollama":
        return "".join(json.dumps(value) + "\n" for value in values)
    return events(*values)


def kind(name):
    return NDJSON if name == "ollama" else SSE


def core(server, folder, name, **changes):
    url, name = server.url + "/v1" * (name in ("openai", "responses")), route(name)["provider"]
    given = {"ollama_host": url} if name == "ollama" else {f"{name}_base_url": url, f"{name}_api_key": KEY}
    return AICore(Settings(**given, cache_dir=str(folder), **changes))


def ask(asked, name, request=HI, *, through_aiohttp=False, **options):
    async def once():
        if through_aiohttp:
            http_client.use_aiohttp()
        try:
            return await asked.ask(request, Options(**route(name), cache="off", **options))
        finally:
            await asked.close()

    return asyncio.run(once())


FAILURES = [(name, failure) for name, failures in OVERLOADED.items() for failure in failures]


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("through_aiohttp", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("begun", [False, True], ids=["first", "before-the-first-word"])
@pytest.mark.parametrize(("name", "failure"), FAILURES)
def test_an_error_that_may_pass_is_tried_again_until_the_first_word(tmp_path, name, failure, begun, through_aiohttp):
    failed = told(name, *([BEGINNINGS[name]] if begun else []), failure)
    good, _ = WIRES[name]("four")
    with provider([failed, failed, good], kind=kind(name)) as server:
        asked = core(server, tmp_path, name)
        answer = ask(asked, name, through_aiohttp=through_aiohttp)

    assert (answer.text, len(server.asked), asked.retries) == ("four", 3, {route(name)["provider"]: 2})


@pytest.mark.usefixtures("no_backoff")
@each
def test_a_whole_answer_that_is_such_an_error_is_tried_again_too(tmp_path, name):
    good, _ = WIRES[name]("four", stream=False)
    with provider([json.dumps(OVERLOADED[name][0]), good], kind=JSON) as server:
        assert ask(core(server, tmp_path, name), name).text == "four"

    assert len(server.asked) == 2


@pytest.mark.usefixtures("no_backoff")
@each
def test_an_error_that_stays_is_told_after_three_tries(tmp_path, name):
    with (
        provider(told(name, OVERLOADED[name][0]), kind=kind(name)) as server,
        pytest.raises(ProviderError, match=r"busy|Overloaded|overloaded"),
    ):
        ask(core(server, tmp_path, name), name)

    assert len(server.asked) == 3


@each
def test_an_error_that_will_not_pass_is_not_tried_again(tmp_path, name):
    with provider(told(name, LASTING[name]), kind=kind(name)) as server, pytest.raises(ProviderError):
        ask(core(server, tmp_path, name), name)

    assert len(server.asked) == 1


@each
def test_after_the_first_word_nothing_is_tried_again(tmp_path, name):
    begun, _ = WIRES[name]("four")
    first = begun.split("data: [DONE]")[0] if name != "ollama" else begun.splitlines()[0] + "\n"
    words = {
        "anthropic": {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "four"}},
        "responses": {"type": "response.output_text.delta", "output_index": 0, "delta": "four"},
    }
    if word := words.get(name):
        first = told(name, BEGINNINGS[name], word)
    with (
        provider(first + told(name, OVERLOADED[name][0]), kind=kind(name)) as server,
        pytest.raises(ProviderError, match="broke off"),
    ):
        ask(core(server, tmp_path, name), name)

    assert len(server.asked) == 1


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("where", ["header", "details", "words"])
def test_the_wait_that_a_stream_asks_for_is_a_floor(tmp_path, where):
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.4s"}
    error = {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}
    error |= {"details": [delay]} if where == "details" else {}
    error |= {"message": "Rate limited: try again in 400ms"} if where == "words" else {}
    headers = [("retry-after-ms", "400")] if where == "header" else []
    good, _ = WIRES["gemini"]("four")
    with provider([told("gemini", {"error": error}), good], kind=SSE, headers=headers) as server:
        began = time.monotonic()
        assert ask(core(server, tmp_path, "gemini"), "gemini").text == "four"

    assert time.monotonic() - began >= 0.4


@pytest.mark.usefixtures("no_backoff")
def test_the_wait_in_the_body_of_a_429_is_a_floor_too(tmp_path):
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}
    error = {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED", "details": [delay]}
    with provider(json.dumps({"error": error}), status=429) as server, pytest.raises(ProviderError):
        ask(core(server, tmp_path, "gemini"), "gemini", timeout=5)

    assert len(server.asked) == 1  # thirty seconds would outlast the deadline


def test_a_spent_days_quota_is_not_tried_again(tmp_path):
    error = {"code": 429, "message": "Quota exceeded: 250 requests per day", "status": "RESOURCE_EXHAUSTED"}
    for status, kind_, body in ((429, JSON, json.dumps({"error": error})), (200, SSE, events({"error": error}))):
        with provider(body, status=status, kind=kind_) as server, pytest.raises(ProviderError, match="per day"):
            ask(core(server, tmp_path, "gemini"), "gemini")

        assert len(server.asked) == 1


def test_with_another_route_behind_it_the_next_one_answers_at_once(tmp_path):
    good, good_kind = WIRES["ollama"]("from the next")
    with (
        provider(told("gemini", OVERLOADED["gemini"][0]), kind=SSE) as bad,
        provider(good, kind=good_kind) as next_one,
    ):
        found = Settings(ollama_host=next_one.url, gemini_base_url=bad.url, gemini_api_key=KEY, cache_dir=str(tmp_path))
        answer = AICore(found).ask_sync("q", Options(task="audio"))

    assert (answer.text, len(bad.asked)) == ("from the next", 1)


def test_an_error_instead_of_vectors_is_told_in_its_own_words(tmp_path):
    body = json.dumps({"error": {"message": "this model gives no vectors", "code": 400}})
    with (
        provider(body) as server,
        pytest.raises(ProviderError, match="this model gives no vectors"),
    ):
        asyncio.run(core(server, tmp_path, "openai").embed(["q"], Options(model="openai/m")))


def test_who_watches_a_call_hears_no_key_in_a_fault(tmp_path):
    from contextlib import contextmanager

    heard = []

    @contextmanager
    def watch(_route, _request):
        try:
            yield lambda chunk: heard.append(str(chunk.fault))
        except ProviderError as error:
            heard.append(f"{error} {error.fault}")
            raise

    body = events({"error": {"message": f"no access for {KEY}", "code": 401}})
    with provider(body, kind=SSE) as server:
        settings = Settings(openai_base_url=server.url, openai_api_key=KEY, cache_dir=str(tmp_path))
        with pytest.raises(ProviderError):
            AICore(settings, watch=watch).ask_sync("q", Options(provider="openai"))

    assert len(heard) == 2
    assert all("no access for [key]" in words and KEY not in words for words in heard)
