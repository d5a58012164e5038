import asyncio
import base64
import json
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from parts import scripted, warm
from parts.waiting import until

from samplemind_cli.ai import AICore, Message, Options, Request, Text, attachment, limits
from samplemind_cli.errors import CutStreamError, NoProviderError, ProviderError, SettingError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
PROVIDERS = ["ollama", "gemini", "anthropic", "openai"]
TOOLS = ({"type": "function", "function": {"name": "play", "parameters": {"type": "object", "properties": {}}}},)


@pytest.fixture
def told():
    return []


@pytest.fixture
def core(mock_server, told):  # noqa: ARG001 - sets the environment
    return AICore(Settings.load(), notify=told.append)


def upstream(server):
    """The requests that asked a model something."""
    return [request for request in server.requests if request.method == "POST" and request.path != "/api/show"]


def only(provider, **options):
    return Options(provider=provider, **options)


async def collected(stream):
    async with aclosing(stream) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_answers(core, mock_server, provider):
    request = Request(messages=(Message("system", "be brief"), Message("user", "hi")))

    answer = core.ask_sync(request, only(provider))

    assert answer.text == "You said: hi"
    assert (answer.provider, answer.finish_reason, answer.cached) == (provider, "stop", False)
    assert answer.usage.output_tokens == 3
    assert answer.usage.input_tokens >= 1
    assert len(upstream(mock_server)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_repeated_request_is_answered_from_the_cache_streamed_or_not(core, mock_server, provider):
    first = core.ask_sync("hi", only(provider))
    again = core.ask_sync(Request(messages=(Message("user", "hi"),)), only(provider))

    assert (again.text, again.usage, again.key) == (first.text, first.usage, first.key)
    assert (first.cached, again.cached) == (False, "local")
    assert len(upstream(mock_server)) == 1


@pytest.mark.parametrize("fault", ["cut", "garbage", "error", "length", "refusal", "filter", "thinking"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_a_complete_answer_is_ever_stored(core, mock_server, provider, fault):
    if provider == "ollama" and fault in ("refusal", "filter"):
        pytest.skip("Ollama has no such end")
    mock_server.behave(faults=[f"{fault}:1"], reply="one two three four five six")
    try:
        first = core.ask_sync("hi", only(provider))
    except ProviderError:
        first = None

    again = core.ask_sync("hi", only(provider))

    assert first is None or first.finish_reason in ("length", "refusal", "filtered")
    assert (again.text, again.cached) == ("one two three four five six", False)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["cut", "garbage", "error"])
def test_after_the_first_word_the_error_is_raised_and_nobody_else_is_asked(core, mock_server, provider, fault):
    mock_server.behave(faults=[fault], reply="one two three four five six")

    with pytest.raises(CutStreamError):
        core.ask_sync("hi", Options(task={"gemini": "audio", "anthropic": "creative"}.get(provider, "factual")))

    assert len(upstream(mock_server)) == 1


@pytest.mark.parametrize("fault", ["401", "403", "404", "429", "500", "529", "credit", "drop", "too-long"])
def test_before_the_first_word_the_next_provider_is_asked_at_once(core, mock_server, told, fault):
    mock_server.behave(faults=[f"ollama/{fault}"])

    answer = core.ask_sync("hi")

    assert (answer.provider, answer.passed[0].provider) == ("gemini", "ollama")
    assert len(upstream(mock_server)) == 2
    assert any("ollama" in line and "asking the next provider" in line for line in told)


@pytest.mark.parametrize(
    ("broken", "priority", "told_of"),
    [
        ({"ollama_host": "two words"}, "speed", ["ollama: OLLAMA_HOST 'two words' is not a valid address"]),
        ({"gemini_api_key": "sk-é"}, "quality", ["gemini: the API key contains non-ASCII"]),  # seen when it is sent
        ({"embedded_model": "/nowhere.gguf"}, "speed", []),
    ],
)
def test_settings_that_cannot_be_used_are_told_and_the_next_provider_is_asked(core, told, broken, priority, told_of):
    core = AICore(replace(core.settings, **broken), notify=told.append)
    (setting,) = broken
    provider = setting.partition("_")[0]

    assert core.ask_sync("hi", Options(priority=priority)).text == "You said: hi"
    assert [line for line, start in zip(told, told_of, strict=True) if not line.startswith(start)] == []
    with pytest.raises(SettingError):
        core.ask_sync("hi", only(provider))


def test_a_wrong_request_is_wrong_everywhere(core, mock_server):
    mock_server.behave(faults=["ollama/400"])

    with pytest.raises(ProviderError, match="ollama"):
        core.ask_sync("hi")

    assert len(upstream(mock_server)) == 1


def test_a_provider_that_wants_to_be_left_alone_is(core, mock_server):
    mock_server.behave(faults=["ollama/429:1@60"])

    async def twice():
        return await core.ask("hi"), await core.ask("ho")

    first, second = asyncio.run(twice())

    assert (first.provider, second.provider) == ("gemini", "gemini")
    assert len([r for r in upstream(mock_server) if r.path == "/api/chat"]) == 1


def test_who_hangs_up_while_it_tries_a_provider_that_failed_does_not_keep_the_others_from_it(
    core, mock_server, monkeypatch
):
    mock_server.behave(faults=[f"ollama/500:{limits.FAILURES}"])
    monkeypatch.setattr(limits, "OPEN", 0.0)

    async def story():
        for n in range(limits.FAILURES):
            assert (await core.ask(str(n))).provider == "gemini"
        assert core.breakers["ollama"] == "half-open"
        monkeypatch.setattr(limits, "OPEN", 600.0)
        mock_server.behave(latency_ms=60_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(core.ask("hi", only("ollama")), 0.2)
        mock_server.behave(latency_ms=0)
        await asyncio.to_thread(until, lambda: core.breakers["ollama"] == "half-open")
        return await core.ask("ho")

    assert asyncio.run(story()).provider == "ollama"


def test_when_nobody_is_left_the_error_says_why_and_what_helps_provider_by_provider(tmp_path):
    core = AICore(Settings(ollama_host="127.0.0.1:1", cache_dir=str(tmp_path)))

    with pytest.raises(ProviderError) as failed:
        core.ask_sync(Request(messages=(Message("user", "hi"),), tools=TOOLS))

    assert isinstance(failed.value, NoProviderError)
    for word in ("nothing listens", "samplemind up ollama", "GEMINI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        assert word in failed.value.message


def test_ten_callers_in_one_process_make_one_call_and_each_gets_the_stream(core, mock_server):
    mock_server.behave(latency_ms=50)

    async def ten():
        return await asyncio.gather(*(collected(core.stream("hi", only("openai"))) for _ in range(10)))

    streams = asyncio.run(ten())

    assert len(upstream(mock_server)) == 1
    assert {"".join(chunk.text for chunk in chunks) for chunks in streams} == {"You said: hi"}
    assert all(len(chunks) > 2 for chunks in streams)


def _ask(settings):
    return AICore(settings).ask_sync("hi", Options(provider="openai")).text


def test_ten_processes_make_one_call(mock_server):
    mock_server.behave(latency_ms=300)
    settings = Settings.load()

    with warm.forks.Pool(4) as pool:
        texts = pool.map(_ask, [settings] * 10, chunksize=1)

    assert texts == ["You said: hi"] * 10
    assert len(upstream(mock_server)) == 1


def test_leaving_a_stream_hangs_up_and_caches_nothing(core, mock_server):
    mock_server.behave(tokens_per_second=20, reply="one two three four five six seven eight nine ten")

    async def leave():
        async with aclosing(core.stream("hi", only("openai"))) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
        for _ in range(200):
            if mock_server.requests[0].hung_up:
                break
            await asyncio.sleep(0.02)
        mock_server.behave(tokens_per_second=0)
        return await core.ask("hi", only("openai"))

    answer = asyncio.run(leave())

    assert mock_server.requests[0].hung_up
    assert answer.cached is False


@pytest.mark.parametrize("how", ["off", "refresh"])
def test_a_request_that_shuns_the_cache_is_asked_anew(core, mock_server, how):
    core.ask_sync("hi", only("openai"))
    mock_server.behave(reply="another")

    shunning = core.ask_sync("hi", only("openai", cache=how))
    after = core.ask_sync("hi", only("openai"))

    assert (shunning.text, shunning.cached) == ("another", False)
    assert (after.text, after.cached) == (("another" if how == "refresh" else "You said: hi"), "local")


def test_a_ttl_says_how_old_an_answer_may_be(core):
    core.ask_sync("hi", only("openai"))

    assert core.ask_sync("hi", only("openai", ttl=0)).cached is False
    assert core.ask_sync("hi", only("openai", ttl=1000)).cached == "local"


def test_the_deadline_is_for_all_of_the_answer(core, mock_server):
    mock_server.behave(tokens_per_second=2, reply="one two three four five six seven eight")

    with pytest.raises(ProviderError, match="in time"):
        core.ask_sync("hi", only("openai", timeout=0.5))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tools_are_translated_and_their_calls_come_back(core, provider):
    answer = core.ask_sync(Request(messages=(Message("user", "play"),), tools=TOOLS), only(provider))

    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls[0].name == "play"
    assert isinstance(json.loads(answer.tool_calls[0].arguments), dict)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_is_held_against_its_schema_and_a_wrong_one_is_not_stored(core, mock_server, provider):
    schema = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
    request = Request(messages=(Message("user", "key?"),), schema=schema)
    mock_server.behave(reply="no json at all")

    with pytest.raises(ProviderError, match="not JSON"):
        core.ask_sync(request, only(provider))
    mock_server.behave(reply=None)
    answer = core.ask_sync(request, only(provider))

    assert isinstance(json.loads(answer.text)["key"], str)
    assert answer.cached is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_image_arrives(core, mock_server, provider):
    image = attachment("image/png", b"\x89PNG not really", "a.png")

    core.ask_sync(Request(messages=(Message("user", [Text("what is it?"), image]),)), only(provider))

    assert base64.b64encode(image.data).decode() in json.dumps(upstream(mock_server)[0].body)


def test_audio_goes_to_a_provider_that_takes_it(core):
    audio = attachment("audio/wav", b"RIFF", "a.wav")

    answer = core.ask_sync(Request(messages=(Message("user", [Text("what key?"), audio]),)))

    assert answer.provider == "gemini"
    assert answer.passed[0].skipped == "does not support audio"


def test_no_key_is_in_the_cache_the_error_or_what_was_told(core, mock_server, told):
    secret = "sk-secret-secret"
    settings = replace(core.settings, openai_api_key=secret, gemini_api_key=secret, anthropic_api_key=secret)
    core = AICore(settings, notify=told.append)
    core.ask_sync("hi", only("openai"))
    mock_server.behave(faults=["401"])
    with pytest.raises(ProviderError) as failed:
        core.ask_sync("ho", only("openai"))

    stored = "".join(path.read_text() for path in Path(settings.cache_dir).rglob("*.json"))
    assert "You said" in stored
    assert secret not in stored + str(failed.value) + failed.value.message + "".join(told) + repr(settings)


@pytest.mark.parametrize("provider", ["gemini", "anthropic", "openai"])
@pytest.mark.parametrize("fault", ["refused", "garbage", "401"])
def test_a_password_in_a_base_url_reaches_the_server_and_no_words(core, mock_server, told, provider, fault):
    at = mock_server.url.partition("//")[2] if fault != "refused" else "127.0.0.1:1"
    url = f"http://me:secret@{at}" + "/v1" * (provider == "openai")
    core = AICore(replace(core.settings, **{f"{provider}_base_url": url}), notify=told.append)
    mock_server.behave(faults=[fault] if fault != "refused" else [])
    with pytest.raises(ProviderError) as failed:
        core.ask_sync("hi", only(provider))

    assert "secret" not in failed.value.message + "".join(told)
    assert at in failed.value.message or fault == "401"
    assert all("authorization" in request.headers for request in mock_server.requests)


def test_every_call_is_watched_from_its_begin_to_its_end_and_a_cached_answer_makes_none(mock_server):
    seen = []

    @contextmanager
    def watch(route, request):
        texts = []
        try:
            yield lambda chunk: texts.append(chunk.text)
        except ProviderError as error:
            seen.append((str(route.provider), request.messages[0].text, error.fault.kind))
            raise
        seen.append((str(route.provider), request and request.messages[0].text, "".join(texts)))

    mock_server.behave(faults=["ollama/503"])
    core = AICore(Settings.load(), watch=watch)
    for _ in range(2):
        core.ask_sync("hi")
    asyncio.run(core.embed(["hi"], Options(model="openai/any")))

    assert seen == [("ollama", "hi", "overloaded"), ("gemini", "hi", "You said: hi"), ("openai", None, "")]


def test_a_script_without_a_loop_gets_the_stream_too(core):
    chunks = list(core.stream_sync("hi", only("gemini")))

    assert "".join(chunk.text for chunk in chunks) == "You said: hi"
    assert chunks[-1].answer.provider == "gemini"


def thoughtless(asked):
    """A daemon's model that cannot think."""
    if asked.get("think"):
        return 400, json.dumps({"error": '"tiny" does not support thinking'})
    return 200, json.dumps({"model": "tiny", "message": {"content": "hi"}, "done": True, "done_reason": "stop"}) + "\n"


@pytest.mark.parametrize("source", ["anthropic_messages", "gemini", "openai_responses"])
def test_a_model_that_cannot_think_is_asked_without_where_its_client_asks_every_model_to(told, source):
    with scripted.provider(thoughtless, kind=scripted.NDJSON) as daemon:
        core = AICore(Settings(ollama_host=daemon.url), notify=told.append)
        asked = [Request(messages=(Message("user", str(n)),), effort="high", source=source) for n in range(2)]

        async def both():
            return [await collected(core.stream(request, only("ollama", model="tiny"))) for request in asked]

        answers = asyncio.run(both())

    assert [chunks[-1].answer.text for chunks in answers] == ["hi", "hi"]
    assert [chunks[0].route.dropped for chunks in answers] == [("effort",), ("effort",)]
    assert ["think" in request for request in daemon.asked] == [True, False, False]
    assert told == ["ollama: left out effort, which tiny refuses"] * 2


def test_a_model_that_cannot_think_refuses_who_wants_no_field_left_out():
    with scripted.provider(thoughtless, kind=scripted.NDJSON) as daemon:
        core = AICore(Settings(ollama_host=daemon.url, strict_fields=True))
        meant = Request(messages=(Message("user", "hi"),), effort="high", source="openai_chat")
        with pytest.raises(NoProviderError, match="does not support thinking"):
            core.ask_sync(meant, only("ollama", model="tiny"))
    assert len(daemon.asked) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_never_has_an_id_that_its_conversation_knows_already(core, provider):
    first = core.ask_sync(Request(messages=(Message("user", "hi"),), tools=TOOLS), only(provider)).tool_calls[0]
    turns = [Message("user", "hi")]
    for _ in range(3):
        call = core.ask_sync(Request(messages=tuple(turns), tools=TOOLS), only(provider)).tool_calls[0]
        turns += [Message("assistant", (call,)), Message("user", "again")]

    ids = [call.id for message in turns for call in message.tool_calls]
    assert ids[0] == first.id
    assert len(set(ids)) == 3
