import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.router import (
    PROVIDER_URLS,
    Provider,
    TaskType,
    each,
    get_provider_url,
    is_loopback,
    ollama_url,
    provider_of,
    route_request,
    routes,
    shown,
)
from samplemind_cli.ai.types import Call, Endpoint, Options
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

KEYS = {"gemini_api_key": "g", "anthropic_api_key": "a", "openai_api_key": "o"}
TABLE = {
    ("speed", "genre"): "ollama",
    ("speed", "audio"): "gemini",
    ("speed", "creative"): "anthropic",
    ("speed", "factual"): "ollama",
    ("speed", "tools"): "ollama",
    ("quality", "genre"): "gemini",
    ("quality", "audio"): "gemini",
    ("quality", "creative"): "anthropic",
    ("quality", "factual"): "gemini",
    ("quality", "tools"): "openai",
    ("cost", "genre"): "ollama",
    ("cost", "audio"): "ollama",
    ("cost", "creative"): "ollama",
    ("cost", "factual"): "ollama",
    ("cost", "tools"): "openai",
}


def fits(*lacks, but=()):
    """What providers lack of a request; those in `but` lack nothing."""
    return lambda provider, _endpoint: (frozenset() if provider in but else frozenset(lacks), ())


@pytest.mark.parametrize(("asked", "provider"), TABLE.items())
def test_each_task_goes_where_its_priority_sends_it(asked, provider):
    priority, task = asked

    assert route_request(TaskType(task), priority) == provider


@given(st.text(), st.sampled_from(TaskType))
def test_an_unknown_priority_means_ollama(priority, task):
    if priority not in ("speed", "quality", "cost"):
        assert route_request(task, priority) is Provider.OLLAMA


def test_speed_is_the_priority_unless_another_is_given():
    assert route_request(TaskType.CREATIVE) is Provider.CLAUDE


def test_the_first_choice_comes_first_and_the_others_follow_in_their_own_order():
    order = [r.provider for r in routes(Settings(**KEYS), Options(task="creative"), fits())]

    assert order == ["anthropic", "ollama", "gemini", "openai", "embedded"]


def test_a_provider_without_a_key_is_skipped_with_the_command_that_helps():
    found = {r.provider: r for r in routes(Settings(), Options(), fits())}

    assert (found[Provider.CLAUDE].skipped, found[Provider.CLAUDE].fix) == ("no key", "export ANTHROPIC_API_KEY=…")
    assert not found[Provider.OLLAMA].skipped


def test_a_compatible_server_of_ones_own_needs_no_key():
    settings = Settings(openai_base_url="http://127.0.0.1:8000/v1/")

    [route] = routes(settings, Options(provider="openai"), fits())

    assert (route.skipped, route.endpoint.base_url) == ("", "http://127.0.0.1:8000/v1")


def test_a_provider_that_cannot_take_an_attachment_is_skipped():
    [route] = routes(Settings(), Options(provider="ollama"), fits("audio"))

    assert route.skipped == "does not support audio"


@pytest.mark.parametrize("options", [Options(provider="gemini"), Options(model="gemini-x")])
def test_what_is_asked_for_by_name_stands_alone(options):
    assert [r.provider for r in routes(Settings(**KEYS), options, fits())] == [Provider.GEMINI]


def test_without_fallback_only_the_first_choice_remains():
    assert len(routes(Settings(**KEYS), Options(fallback=False), fits())) == 1


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("gpt-6-luna", "openai", "gpt-6-luna"),
        ("claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
        ("gemini-flash-latest", "gemini", "gemini-flash-latest"),
        ("qwen2.5:7b-instruct", "ollama", "qwen2.5:7b-instruct"),
        ("hf.co/someone/model", "ollama", "hf.co/someone/model"),
        ("openai/local-model", "openai", "local-model"),
        ("ollama/gpt-oss:20b", "ollama", "gpt-oss:20b"),
    ],
)
def test_a_models_name_says_whose_it_is(model, provider, name):
    assert provider_of(model) == (provider, name)


def test_the_embedded_model_is_not_chosen_by_name():
    with pytest.raises(UsageError, match="chosen by its file"):
        routes(Settings(), Options(provider="embedded", model="x"), fits())


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("localhost", "http://localhost:11434"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::]:5", "http://[::1]:5"),
        ("[::1]", "http://[::1]:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("::1", "http://[::1]:11434"),
        (" 'http://box:1' ", "http://box:1"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(host, url):
    assert ollama_url(host) == url


@pytest.mark.parametrize("host", ["127.0.0.1:port", "unix:///ollama.sock", "two words", "\udcff"])
def test_an_ollama_host_that_is_no_address_is_a_usage_error(host):
    with pytest.raises(UsageError, match="not a valid"):
        ollama_url(host)


@pytest.mark.parametrize(
    "url", ["http://me:secret@[::1/v1", "http://me:secret@host:70000", "me:secret@host:80", "ftp://host", "https:///v1"]
)
def test_a_base_url_that_is_none_is_a_usage_error_without_its_password(url):
    with pytest.raises(UsageError, match=r"^OPENAI_BASE_URL is not a valid URL$"):
        get_provider_url(Provider.OPENAI, Settings(openai_base_url=url))


def test_settings_that_cannot_be_used_stop_their_own_provider_alone():
    settings = Settings(ollama_host="two words", **KEYS)

    ollama, gemini, *_ = routes(settings, Options(), fits())

    assert ("OLLAMA_HOST" in ollama.skipped, ollama.outcome, gemini.skipped) == (True, "failed", "")
    for alone in (Options(provider="ollama"), Options(fallback=False)):
        with pytest.raises(UsageError, match="OLLAMA_HOST"):
            routes(settings, alone, fits())


def test_each_configured_provider_has_a_route():
    found = each(Settings(**KEYS), fits())
    assert [route.provider for route in found] == ["ollama", "gemini", "anthropic", "openai", "embedded"]


def test_a_base_url_in_the_settings_is_stronger_than_the_public_one():
    settings = Settings(anthropic_base_url="https://proxy/")

    assert get_provider_url(Provider.CLAUDE, settings) == "https://proxy"
    assert get_provider_url(Provider.CLAUDE) == PROVIDER_URLS[Provider.CLAUDE] == "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://api.example/v1", "https://api.example/v1"),
        ("https://me:pass@host:1/v1", "https://host:1/v1"),
        ("http://me:p@ss@[::1]:1", "http://[::1]:1"),
        ("https://host/a@b?c=d@e", "https://host/a@b?c=d@e"),
        ("embedded:", "embedded:"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_an_address_is_shown_without_who_may_use_it(url, seen):
    assert shown(url) == seen
    assert "pass" not in repr(Endpoint("https://me:pass@host", "m")) + repr(Call("https://me:pass@host", None))


def test_a_parameter_its_provider_does_not_take_is_named_and_the_others_stand_in():
    fit = fits("seed", but=[Provider.OLLAMA])

    claude, ollama, *_ = routes(Settings(**KEYS), Options(task="creative"), fit)

    assert (claude.skipped, claude.lacks) == ("does not support seed", {"seed"})
    assert not ollama.skipped


def test_a_question_does_not_leave_this_machine_for_one_parameter_alone():
    found = routes(Settings(**KEYS), Options(), fits("n", but=[Provider.OPENAI]))

    assert all(route.skipped and route.lacks == {"n"} for route in found)
    assert "would leave this machine" in next(r.skipped for r in found if r.provider is Provider.OPENAI)


def test_an_image_that_no_local_model_takes_goes_to_a_hosted_one():
    found = routes(Settings(**KEYS), Options(), fits("image", "n", but=[Provider.OPENAI]))

    assert [route.provider for route in found if not route.skipped] == [Provider.OPENAI]


def test_a_container_does_not_get_the_prompts_of_other_folders_by_its_port_alone():
    settings = Settings(strangers=(("127.0.0.1:11434", "shop"),))
    for options in (Options(), Options(provider="ollama"), Options(model="ollama/x")):
        (first, *_) = [route for route in routes(settings, options, fits()) if route.provider == "ollama"]
        assert "a container of the project shop" in first.skipped
        assert "OLLAMA_HOST" in first.fix
    for said in ({"ollama_host": "127.0.0.1:11434"}, {"ollama_host": "http://127.0.0.1:11434"}):
        chosen = settings.changed(said, "the environment")
        assert routes(chosen, Options(provider="ollama"), fits())[0].skipped == ""
    other = Settings(strangers=(("127.0.0.1:11435", "shop"),))
    assert routes(other, Options(provider="ollama"), fits())[0].skipped == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"])
def test_this_machine_is_known_by_its_names(host):
    assert is_loopback(f"http://{host}:11434/v1") is (host != "host.docker.internal")
    assert is_loopback(f"//{host}:1") is (host != "host.docker.internal")


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "http://192.168.0.1:11434", "http://127.0.0.1.example"])
def test_another_machine_is_not_this_one(url):
    assert is_loopback(url) is False


@pytest.mark.parametrize("password", ["s3cret", "s3cret#x", "x/s3cret", "x?s3cret", "[s3cret", "s3cret y"])
def test_an_address_that_is_none_is_told_without_its_password(password):
    with pytest.raises(UsageError, match="OLLAMA_HOST is not a valid address") as told:
        ollama_url(f"http://me:{password}@127.0.0.1:x")

    assert "s3cret" not in str(told.value)
