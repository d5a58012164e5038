"""OpenAI has two formats: who is asked in which, what a server refuses, and that a question is one in both."""

import json

import pytest
from parts.scripted import openai, provider, responses

from samplemind_cli.ai import AICore, Options
from samplemind_cli.errors import ProviderError, UnsupportedError
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_chat import server as chat_server
from samplemind_cli.formats.openai_responses import server as responses_server
from samplemind_cli.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_backoff")]
BROWSER = {"type": "web_search"}
ONLY = "This model is only supported in v1/responses and not in v1/chat/completions."


def asked_in_responses(text="q", **more):
    return responses_server.read(Fields({"model": "m", "input": text, **more}))


def asked_in_chat(text="q", **more):
    return chat_server.read(Fields({"model": "m", "messages": [{"role": "user", "content": text}], **more}))


def core(server, folder, **changes):
    return AICore(Settings(openai_base_url=f"{server.url}/v1", openai_api_key="k", cache_dir=str(folder), **changes))


def refusing(way, status, said):
    """A provider that refuses one of the two, and answers in the other; no body has both fields."""

    def answer(request):
        if way in request:
            return status, said
        return 200, (responses if "input" in request else openai)("four")[0]

    return provider(answer, kind="text/event-stream")


def in_turn(server):
    return ["responses" if "input" in request else "chat" for request in server.asked]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "streamed"])
def test_a_server_that_answers_every_path_with_chat_completions_is_understood(tmp_path, whole):
    chat = {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop"}]}
    chat["choices"][0]["message"] = {"role": "assistant", "content": "four"}
    body = json.dumps(chat) if whole else openai("four")[0]
    with provider(lambda _: (200, body), kind="application/json" if whole else "text/event-stream") as server:
        asked, options = core(server, tmp_path), Options(model="openai/m")
        fresh, again = (asked.ask_sync(asked_in_responses(), options) for _ in range(2))

    assert (fresh.text, fresh.finish_reason, fresh.cached, again.cached) == ("four", "stop", False, "local")
    assert in_turn(server) == ["responses"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, '{"detail": "Not Found"}'),
        (404, "<html>nothing here</html>"),
        (404, '{"error": {"message": "Unknown request URL: POST /v1/responses", "type": "invalid_request_error"}}'),
        (405, '{"detail": "Method Not Allowed"}'),
        (405, ""),
        (400, '{"error": {"message": "messages can not be empty", "type": "invalid_request_error"}}'),
        (422, '{"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]}'),
        (400, '{"error": {"message": "m is not supported with the Responses API.", "param": "model"}}'),
    ],
)
def test_a_server_without_responses_is_asked_in_chat_completions_and_this_is_remembered(tmp_path, status, said):
    with refusing("input", status, said) as server:
        asked = core(server, tmp_path)
        options = Options(model="openai/m", cache="off")
        answers = [asked.ask_sync(asked_in_responses(word, tools=[BROWSER]), options) for word in ("a", "b")]

    assert [answer.text for answer in answers] == ["four", "four"]
    assert answers[0].dropped == ("openai_responses web_search",)
    assert in_turn(server) == ["responses", "chat", "chat"]


def test_thoughts_that_another_account_sealed_are_left_out_of_this_question_alone(tmp_path):
    error = {"message": "The encrypted content gAAA could not be verified.", "code": "invalid_encrypted_content"}

    def answer(request):
        if "gAAA" in json.dumps(request):
            return 400, json.dumps({"error": {**error, "type": "invalid_request_error", "param": None}})
        return 200, responses("four")[0]

    sealed = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    with provider(answer, kind="text/event-stream") as server:
        asked = core(server, tmp_path)
        for word in ("a", "b"):
            request = asked_in_responses([{"role": "user", "content": "hi"}, sealed, {"role": "user", "content": word}])
            assert asked.ask_sync(request, Options(model="openai/m")).text == "four"

    assert ["gAAA" in json.dumps(request) for request in server.asked] == [True, False, True, False]


def test_an_unknown_model_is_not_looked_for_in_another_format(tmp_path):
    said = json.dumps({"error": {"message": "The model `m` does not exist", "code": "model_not_found"}})
    with refusing("input", 404, said) as server, pytest.raises(ProviderError, match="does not exist"):
        core(server, tmp_path).ask_sync(asked_in_responses(), Options(model="openai/m"))

    assert in_turn(server) == ["responses"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, ONLY),
        (400, ONLY),
        (404, "This is not a chat model and thus not supported in the v1/chat/completions endpoint."),
        (400, "The requested model is only available through the Responses API"),
    ],
)
def test_a_model_that_only_responses_has_says_so_once(tmp_path, status, words):
    error = {"error": {"message": words, "type": "invalid_request_error", "param": "model", "code": None}}
    with refusing("messages", status, json.dumps(error)) as server:
        asked = core(server, tmp_path)
        answers = [asked.ask_sync(asked_in_chat(word), Options(model="openai/m", cache="off")) for word in ("a", "b")]

    assert [answer.text for answer in answers] == ["four", "four"]
    assert in_turn(server) == ["chat", "responses", "responses"]


@pytest.mark.parametrize("model", ["gpt-5-codex", "o3-pro", "gpt-7.2-codex-mini", "o4-mini-deep-research-2025-06-26"])
def test_a_model_that_is_known_to_take_nothing_else_is_asked_so_at_once(tmp_path, model):
    with refusing("messages", 404, "{}") as server:
        assert core(server, tmp_path).ask_sync(asked_in_chat(), Options(model=f"openai/{model}")).text == "four"

    assert in_turn(server) == ["responses"]
    assert server.asked[0]["store"] is False
    assert server.asked[0]["include"] == ["reasoning.encrypted_content"]


def test_a_model_that_both_refuse_is_an_error_soon(tmp_path):
    error = json.dumps({"error": {"message": ONLY}})
    with provider(lambda request: (404, '{"detail": "Not Found"}' if "input" in request else error)) as server:
        asked = core(server, tmp_path)
        for _ in range(2):
            with pytest.raises(ProviderError):
                asked.ask_sync(asked_in_responses(), Options(model="openai/m", cache="off"))

    assert len(server.asked) <= 5


def test_what_only_responses_can_do_is_refused_where_there_is_none(tmp_path):
    request = asked_in_responses(tools=[BROWSER], tool_choice={"type": "web_search"})
    with refusing("input", 404, '{"detail": "Not Found"}') as server:
        asked = core(server, tmp_path)
        with pytest.raises(ProviderError, match="Not Found"):
            asked.ask_sync(request, Options(model="openai/m"))
        with pytest.raises(UnsupportedError, match="web_search"):
            asked.ask_sync(request, Options(model="openai/m"))

    assert in_turn(server) == ["responses"]


def test_a_question_is_the_same_one_in_both_formats(tmp_path):
    both = {"temperature": 0.5, "parallel_tool_calls": False}
    function = {"name": "f", "parameters": {"type": "object"}}
    one = asked_in_chat(max_tokens=20, tools=[{"type": "function", "function": function}], **both)
    other = asked_in_responses(max_output_tokens=20, tools=[{"type": "function", **function}], **both)
    with refusing("nothing", 404, "{}") as server:
        asked = core(server, tmp_path)
        options = Options(model="openai/m")
        first, second = (asked.ask_sync(request, options) for request in (one, other))

    assert (first.cached, second.cached, first.key) == (False, "local", second.key)
    assert in_turn(server) == ["chat"]


@pytest.mark.parametrize("ask", [asked_in_chat, asked_in_responses])
def test_a_host_of_ones_own_may_speak_responses(tmp_path, ask):
    with refusing("messages", 404, "{}") as server:
        block = {"my-host": {"url": f"{server.url}/v1", "format": "openai_responses", "model": "m"}}
        settings = Settings(cache_dir=str(tmp_path)).changed({"providers": block}, "a test")
        assert AICore(settings).ask_sync(ask(), Options(provider="my-host")).text == "four"


@pytest.mark.parametrize("name", ["groq", "my-host"])
def test_other_hosts_are_asked_in_chat_completions(tmp_path, name):
    with refusing("input", 404, "{}") as server:
        block = {"my-host": {"url": f"{server.url}/v1"}}
        values = {"providers": block, "groq_base_url": f"{server.url}/v1", "groq_api_key": "k"}
        settings = Settings(cache_dir=str(tmp_path)).changed(values, "a test")
        assert AICore(settings).ask_sync(asked_in_responses(), Options(model=f"{name}/m")).text == "four"

    assert in_turn(server) == ["chat"]
