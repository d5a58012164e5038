"""A model that refuses a field of the request: asked again without a hint, never without a constraint."""

import json

import pytest
from parts.scripted import WIRES, provider, route

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
HI = (Message("user", "q"),)
# Where each provider's words for an effort stand, and how its error refuses them.
EFFORT = {
    "openai": ("reasoning_effort", {"message": "Unrecognized request argument supplied: reasoning_effort"}),
    "responses": ("reasoning", {"message": "Unsupported parameter: 'reasoning.effort' is not supported"}),
    "anthropic": ("thinking", {"type": "invalid_request_error", "message": "adaptive thinking is not supported here"}),
    "gemini": ("thinkingConfig", {"code": 400, "message": "Thinking level is not supported for this model."}),
    "ollama": ("think", '"m" does not support thinking'),
}
each = pytest.mark.parametrize("name", EFFORT)


def refusing(name, field, error):
    """A provider that refuses a field and else answers."""
    good, kind = WIRES[name]("four")

    def answer(request):
        config = request.get("generationConfig", {})
        if field in request or field in config:
            return 400, json.dumps({"type": "error", "error": error})
        return 200, good

    return provider(answer, kind=kind)


def core(server, folder, name, told=None, **changes):
    url, name = server.url + "/v1" * (name in ("openai", "responses")), route(name)["provider"]
    given = {"ollama_host": url} if name == "ollama" else {f"{name}_base_url": url, f"{name}_api_key": "k"}
    return AICore(Settings(**given, cache_dir=str(folder), **changes), notify=None if told is None else told.append)


@each
def test_an_effort_that_the_model_refuses_is_left_out_and_told(tmp_path, name):
    told = []
    with refusing(name, *EFFORT[name]) as server:
        answer = core(server, tmp_path, name, told).ask_sync(
            Request(messages=HI, effort="high"), Options(**route(name))
        )

    assert (answer.text, answer.dropped, len(server.asked)) == ("four", ("effort",), 2)
    assert [line for line in told if "left out effort, which" in line]


@each
def test_a_refusal_is_remembered_for_its_model_alone(tmp_path, name):
    with refusing(name, *EFFORT[name]) as server:
        asked = core(server, tmp_path, name)
        of, one, other = route(name)["provider"], "x", "y"
        if name == "responses":
            one, other = "gpt-5-codex", "o3-pro"
        for question, model in (("a", one), ("b", one), ("c", other)):
            request = Request(messages=(Message("user", question),), effort="high")
            assert asked.ask_sync(request, Options(model=f"{of}/{model}")).dropped == ("effort",)

    assert len(server.asked) == 2 + 1 + 2


@each
def test_an_answer_out_of_the_cache_says_what_it_was_asked_without(tmp_path, name):
    request = Request(messages=HI, effort="high")
    with refusing(name, *EFFORT[name]) as server:
        core(server, tmp_path, name).ask_sync(request, Options(**route(name)))
        [chunk] = core(server, tmp_path, name).stream_sync(request, Options(**route(name)))

    assert (chunk.answer.cached, chunk.route.dropped) == ("local", ("effort",))


@each
def test_strict_fields_leave_nothing_out(tmp_path, name):
    with refusing(name, *EFFORT[name]) as server:
        strict = core(server, tmp_path, name, strict_fields=True)
        with pytest.raises(ProviderError, match=r"not support|Unrecognized"):
            strict.ask_sync(Request(messages=HI, effort="high"), Options(**route(name)))

    assert len(server.asked) == 1


def test_a_temperature_and_an_effort_are_left_out_one_after_the_other(tmp_path):
    good, kind = WIRES["openai"]("four")
    words = {"temperature": "Unsupported value: 'temperature' does not support 0.5 with this model."}
    words["reasoning_effort"] = "Unsupported parameter: 'reasoning_effort' is not supported with this model."

    def answer(request):
        refused = next((words[name] for name in words if name in request), "")
        return (400, json.dumps({"error": {"message": refused}})) if refused else (200, good)

    request = Request(messages=HI, effort="low", temperature=0.5)
    with provider(answer, kind=kind) as server:
        found = core(server, tmp_path, "openai").ask_sync(request, Options(provider="openai"))

    assert (found.dropped, len(server.asked)) == (("effort", "temperature"), 3)


@pytest.mark.parametrize(
    ("field", "more", "words"),
    [
        ("max_tokens", {}, "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."),
        ("max_completion_tokens", {"max_tokens_field": "max_completion_tokens"}, "Extra inputs are not permitted"),
        ("stream_options", {}, "Unrecognized request argument supplied: stream_options"),
        ("include", {}, "Encrypted content is not supported with this model."),
        ("user", {"unkeyed": {"user": "u"}, "source": "openai_chat"}, "Extra inputs are not permitted"),
    ],
)
def test_what_can_be_said_otherwise_or_changes_no_answer_is_no_news(tmp_path, field, more, words):
    error = {"message": words, "param": field}
    name = "responses" if field == "include" else "openai"
    with refusing(name, field, error) as server:
        request = Request(messages=HI, max_tokens=9, **more)
        answer = core(server, tmp_path, name).ask_sync(request, Options(**route(name)))

    assert (answer.text, answer.dropped, len(server.asked)) == ("four", (), 2)
    assert {"max_tokens", "max_completion_tokens", "max_output_tokens"} & server.asked[1].keys()


def test_a_constraint_that_a_model_refuses_hands_over(tmp_path):
    error = {"message": "Argument not supported on this model: presencePenalty"}
    good, kind = WIRES["openai"]("from the next")
    request = Request(messages=HI, presence_penalty=0.5)
    with refusing("gemini", "presencePenalty", error) as bad, provider(good, kind=kind) as next_one:
        urls = {"gemini_base_url": bad.url, "openai_base_url": f"{next_one.url}/v1"}
        keys = {"gemini_api_key": "k", "openai_api_key": "k"}
        settings = Settings(ollama_host="127.0.0.1:1", **urls, **keys, cache_dir=str(tmp_path))
        answer = AICore(settings).ask_sync(request, Options(task="audio"))

    assert (answer.text, answer.provider, len(bad.asked)) == ("from the next", "openai", 1)


def test_a_field_set_by_hand_is_never_left_out(tmp_path):
    error = {"message": "Unrecognized request argument supplied: verbosity"}
    request = Request(messages=HI, extra={"verbosity": "low"})
    with refusing("openai", "verbosity", error) as server, pytest.raises(ProviderError, match="verbosity"):
        core(server, tmp_path, "openai").ask_sync(request, Options(provider="openai"))

    assert len(server.asked) == 1


def test_a_model_that_refuses_a_field_under_both_its_names_is_asked_twice(tmp_path):
    def answer(request):
        name = next(name for name in request if name.startswith("max_"))
        return 400, json.dumps({"error": {"message": f"Unsupported parameter: '{name}'"}})

    with provider(answer) as server, pytest.raises(ProviderError, match="max_completion_tokens"):
        core(server, tmp_path, "openai").ask_sync(Request(messages=HI, max_tokens=9), Options(provider="openai"))

    assert len(server.asked) == 2


@each
def test_an_answer_of_no_tokens_is_refused_before_anybody_is_asked(tmp_path, name):
    with refusing(name, *EFFORT[name]) as server, pytest.raises(ProviderError, match="takes no max_tokens below 1"):
        core(server, tmp_path, name).ask_sync(Request(messages=HI, max_tokens=0), Options(**route(name)))

    assert server.asked == []
