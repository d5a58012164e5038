"""Odd but real answers of providers, over the whole way from the socket to the cache."""

import json
from pathlib import Path

import pytest
from parts.scripted import JSON, SSE, WIRES, events, provider, route

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
CASES = Path(__file__).with_name("world")
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
OSLO = {"city": "Oslo"}

each = pytest.mark.parametrize("name", WIRES)
both = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


def settings(url, folder, **changes):
    urls = {f"{name}_base_url": url + "/v1" * (name == "openai") for name in ("openai", "anthropic", "gemini")}
    keys = dict.fromkeys((f"{name}_api_key" for name in ("openai", "anthropic", "gemini")), "topsecret-team-token")
    return Settings(ollama_host=url, **urls, **keys, cache_dir=str(folder), **changes)


def asked(server, folder, name, **request):
    """What is answered when the same is asked twice: the answers, or the error."""
    core = AICore(settings(server.url, folder))
    question = Request(**{"messages": (Message("user", "q"),)} | request)
    return [core.ask_sync(question, Options(**route(name))) for _ in range(2)]


def calls(answer):
    return [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]


@each
@both
@pytest.mark.parametrize(
    "given", [OSLO, json.dumps(OSLO), json.dumps(json.dumps(OSLO))], ids=["object", "text", "twice"]
)
def test_arguments_are_read_as_object_text_and_text_within_text(tmp_path, name, stream, given):
    body, kind = WIRES[name](calls=[("x", "weather", given)], stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name, tools=(WEATHER,))

    assert calls(first) == calls(again) == [("weather", OSLO)]
    assert (first.finish_reason, first.cached, again.cached) == ("tool_calls", False, "local")


@each
@both
@pytest.mark.parametrize("given", [None, "", "null", {}, "{}"])
def test_no_arguments_are_an_empty_object(tmp_path, name, stream, given):
    body, kind = WIRES[name](calls=[("x", "now", given)], stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name, tools=(WEATHER,))

    assert [call.arguments for call in first.tool_calls] == ["{}"]
    assert again.cached


@each
@both
def test_arguments_that_do_not_parse_are_never_kept(tmp_path, name, stream):
    body, kind = WIRES[name](calls=[("x", "weather", '{"city": "Os')], stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name, tools=(WEATHER,))

    assert (first.cached, again.cached) == (False, False)
    assert len(server.asked) == 2


@each
@both
@pytest.mark.parametrize("ids", [("", ""), ("a", "a"), ("a", "b"), (None, None)])
def test_two_calls_are_two_and_have_ids_of_their_own(tmp_path, name, stream, ids):
    given = [(i, "weather", {"n": n}) for n, i in enumerate(ids)]
    body, kind = WIRES[name](calls=given, stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name, tools=(WEATHER,))

    assert calls(first) == [("weather", {"n": 0}), ("weather", {"n": 1})]
    assert len({call.id for call in first.tool_calls} - {""}) == 2
    assert [call.id for call in first.tool_calls] == [call.id for call in again.tool_calls]


@each
@both
@pytest.mark.parametrize("finish", ["eos", "EOS_TOKEN", "end_turn", "stop_sequence", "STOP", "COMPLETE"])
def test_an_end_in_another_servers_word_is_an_end(tmp_path, name, stream, finish):
    body, kind = WIRES[name]("The answer is 4.", finish=finish, stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name)

    assert (first.text, first.finish_reason, again.cached) == ("The answer is 4.", "stop", "local")


@each
@both
@pytest.mark.parametrize(("finish", "read"), [("max_tokens", "length"), ("something_new", "unknown")])
def test_an_end_that_is_none_gives_the_answer_and_is_never_kept(tmp_path, name, stream, finish, read):
    body, kind = WIRES[name]("The answer", finish=finish, stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name)

    assert (first.text, first.finish_reason, again.cached) == ("The answer", read, False)


@each
@both
def test_json_in_a_fence_satisfies_a_schema(tmp_path, name, stream):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    body, kind = WIRES[name]('```json\n{"n": 4}\n```', stream=stream)
    with provider(body, kind=kind) as server:
        first, again = asked(server, tmp_path, name, schema=schema)

    assert first.text == again.text == '{"n": 4}'


@each
@both
@pytest.mark.parametrize("finish", ["stop", "max_tokens", "content_filter", "tool_calls"])
def test_an_answer_that_breaks_its_schema_is_an_error_however_it_ends(tmp_path, name, stream, finish):
    body, kind = WIRES[name]('{"n": 4, "x": "aaa', finish=finish, stream=stream)
    with provider(body, kind=kind) as server, pytest.raises(ProviderError):
        asked(server, tmp_path, name, schema={"type": "object"})

    assert list(tmp_path.rglob("*.json")) == []


@each
@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error":{"message":"the reason"}}'}}},
        {"error": "the reason"},
        {"object": "error", "message": "the reason", "code": 40_001},
        {"message": "the reason", "code": 500},
        {"detail": "the reason"},
        {"detail": [{"loc": ["body", "x"], "msg": "the reason"}]},
        {"errors": [{"code": 1, "message": "the reason"}]},
        {"type": "error", "error": {"message": "the reason"}},
        [{"error": {"message": "the reason", "code": 400}}],
    ],
)
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.usefixtures("no_backoff")
def test_the_message_of_an_error_is_found_wherever_it_is(tmp_path, name, error, status):
    with provider(json.dumps(error), status=status) as server, pytest.raises(ProviderError, match="the reason"):
        asked(server, tmp_path, name)


@each
@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_no_error_holds_the_key_whatever_its_shape(tmp_path, name, status):
    body = json.dumps({"error": {"message": "no access for token topsecret-team-token", "code": 401}})
    kind = SSE if status == 200 and name != "ollama" else JSON
    sent = f"data: {body}\n\n" if kind == SSE else body
    with (
        provider(sent, status=status, kind=kind) as server,
        pytest.raises(ProviderError, match="no access") as failed,
    ):
        asked(server, tmp_path, name)

    assert name == "ollama" or "topsecret" not in failed.value.message


FIRST = {"openai": Options(task="tools", priority="quality"), "anthropic": Options(task="creative")}
FIRST |= {"gemini": Options(task="audio")}


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("body", ["", "data: [DONE]\n\n", "<html>busy</html>", "{"])
def test_what_is_no_answer_hands_over_to_the_next_provider(tmp_path, name, body):
    text, kind = WIRES["ollama"]("from the next")
    with provider(body, kind=SSE) as bad, provider(text, kind=kind) as good:
        found = settings(bad.url, tmp_path).changed({"ollama_host": good.url}, "test")
        answer = AICore(found).ask_sync("q", FIRST[name])

    assert (answer.text, answer.provider) == ("from the next", "ollama")
    assert answer.passed[0].provider == name


def test_a_message_beside_its_pieces_is_not_said_twice(tmp_path):
    told = [
        {"choices": [{"delta": {"content": part}, "message": {"content": whole}, "finish_reason": None}]}
        for part, whole in (("The", "The"), (" answer", "The answer"), (" is 4.", "The answer is 4."))
    ]
    end = {
        "object": "chat.completion",
        "choices": [{"message": {"content": "The answer is 4."}, "finish_reason": "stop"}],
    }
    with provider(events(*told, end, done="data: [DONE]\n\n"), kind=SSE) as server:
        first, _ = asked(server, tmp_path, "openai")

    assert first.text == "The answer is 4."


def test_events_without_their_names_are_read(tmp_path):
    body, kind = WIRES["anthropic"]("The answer is 4.", calls=[("x", "weather", OSLO)])
    unnamed = "".join(line + "\n" for line in body.split("\n") if not line.startswith("event:"))
    with provider(unnamed, kind=kind) as server:
        first, _ = asked(server, tmp_path, "anthropic", tools=(WEATHER,))

    assert (first.text, calls(first)) == ("The answer is 4.", [("weather", OSLO)])


@both
def test_content_may_be_a_list_of_parts(tmp_path, stream):
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "4"}]
    body, kind = WIRES["openai"](parts, stream=stream)
    with provider(body, kind=kind) as server:
        first, _ = asked(server, tmp_path, "openai")

    assert (first.text, first.thinking) == ("4", "hm")


@pytest.mark.parametrize("case", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_a_reported_case_has_its_right_outcome(tmp_path, case):
    known = json.loads(case.read_text())
    response = known["response"]
    served, words = known["serve"] or {}, known["ask"] or []
    schema = (
        {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]} if "--schema" in words else None
    )
    request = {"tools": tuple(served.get("tools", ())), "json_mode": "response_format" in served, "schema": schema}
    with provider(response["body"], status=response["status"], kind=response["content_type"]) as server:
        try:
            first, again = asked(server, tmp_path, known["provider"], **request)
            found = first.text or calls(first) if first.sound else "uncached" if not again.cached else "cached"
        except ProviderError as error:
            found = error.message

    assert EXPECTED[case.stem] in str(found)
    assert "topsecret" not in str(found)


EXPECTED = {
    "01_json_mode_claude": "{}",
    "02_two_calls_one_index": "[('weather', {'city': 'Oslo'}), ('weather', {'city': 'Rome'})]",
    "03a_args_object_openai": "[('weather', {'city': 'Oslo'})]",
    "03b_args_string_ollama": "[('weather', {'city': 'Oslo'})]",
    "03c_args_string_gemini": "[('weather', {'city': 'Oslo'})]",
    "03d_args_whole_in_start_anthropic": "[('weather', {'city': 'Oslo'})]",
    "04a_full_message_at_end": "The answer is 4.",
    "04b_message_beside_delta": "The answer is 4.",
    "05a_content_parts_stream": "The answer is 4.",
    "05b_content_parts_whole": "The answer is 4.",
    "06_bad_args_cached": "uncached",
    "07_no_argument_call_streamed": "[('now', {})]",
    "08_key_in_stream_error": "no access for token [key]",
    "09_schema_cut_off": "violates the schema",
    "10a_mime_type_case": "The answer is 4.",
    "10b_sse_as_text_plain": "The answer is 4.",
    "11_finish_eos": "The answer is 4.",
    "12_sse_error_event": "slot unavailable",
    "13_error_raw_openrouter": "this model takes at most 1 image",
    "14_tool_calls_end_skips_schema": "is not JSON",
}
