import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_architecture import sources

from samplemind_cli.ai.adapters import CLIENTS, EMBEDDERS
from samplemind_cli.ai.router import Provider, get_provider_url, provider_of, routes
from samplemind_cli.ai.types import Options
from samplemind_cli.errors import SettingError, UsageError
from samplemind_cli.providers import ROWS, TABLE, own_rows
from samplemind_cli.settings import Settings, settable

FURTHER = [row.name for row in ROWS if row.name not in list(Provider)]
VLLM = {"url": "http://127.0.0.1:8000/v1", "model": "qwen3", "local": True}
# Where two names of the table may stand together: the table itself; the wire formats, of which two are named for their
# makers; and the mock, which reads the documents on its own and knows nothing of us.
LISTS_MAY = ("providers.py", "formats/parts.py", "mock/", "ai/adapters.py", "ledger/token_limits.py")


def fits(*lacks, but=()):
    return lambda provider, _endpoint: (frozenset() if provider in but else frozenset(lacks), ())


def keyed(**keys):
    return Settings().changed({f"{name}_api_key": key for name, key in keys.items()}, "a test")


def own(**block):
    return Settings().changed({"providers": {"my-vllm": block}}, "a test")


NAMED = {name: row.name for row in ROWS for name in (row.name, *row.settings(), row.url_setting)}
NAMED |= {f"Provider.{provider.name}": provider.value for provider in Provider}
ONE_OF_A_KIND = {"ollama", "embedded"}  # what has a daemon or an engine is told apart from what is only called


def lists(text):
    """The lines of a source on which two providers or more stand in one literal."""
    for node in ast.walk(ast.parse(text)):
        parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        said = [p.value if isinstance(p, ast.Constant) else ast.unparse(p) for p in parts if p]
        found = {NAMED[name] for name in said if isinstance(name, str) and name in NAMED}
        if len(found) > 1 and found != ONE_OF_A_KIND:
            yield node.lineno


def test_nobody_lists_the_providers_again():
    found = {path: list(lists(text)) for path, text in sources().items() if not path.startswith(LISTS_MAY)}

    assert {path: lines for path, lines in found.items() if lines} == {}


STRAY = ['X = ("openai", "gemini")', 'X = {"groq": 1, "mistral": 2}', "['openai_rpm', 'gemini_rpm']"]


@pytest.mark.parametrize("line", [*STRAY, "[Provider.GEMINI, Provider.CLAUDE]", 'X: Literal["openai", "groq"]'])
def test_a_stray_list_is_found(line):
    assert list(lists(line))


@pytest.mark.parametrize("row", ROWS, ids=TABLE)
def test_every_row_has_a_client_a_model_and_variables_of_its_own(row):
    assert row.client in CLIENTS
    assert row.name in FURTHER or row.name in list(Provider)
    assert row.local or (row.key_variables and row.url_variables and row.model and row.url.startswith("https://"))
    assert row.client in EMBEDDERS or row.format == "anthropic_messages"


def test_the_settings_of_the_table_have_its_defaults():
    for row in ROWS:
        for name, default in row.settings().items():
            assert Settings().value(name) == default
    assert {name for row in ROWS for name in row.settings()} <= {setting.name for setting in settable()}


@pytest.mark.parametrize("name", FURTHER)
def test_a_further_provider_without_a_key_is_asked_by_name_alone(name):
    assert name not in [route.provider for route in routes(Settings(), Options(), fits())]
    [route] = routes(Settings(), Options(provider=name), fits())
    assert (route.skipped, route.fix) == ("no key", f"export {name.upper()}_API_KEY=…")


@pytest.mark.parametrize("name", FURTHER)
def test_a_further_provider_with_a_key_stands_in_before_the_last_resort(name):
    order = [route.provider for route in routes(keyed(**{name: "k"}), Options(), fits())]

    assert order == ["ollama", "gemini", "anthropic", "openai", name, "embedded"]


def test_no_question_leaves_this_machine_for_one_parameter_to_a_further_provider():
    found = routes(keyed(groq="k"), Options(), fits("n", but=["groq"]))

    assert all(route.skipped for route in found)
    assert "would leave this machine" in next(route.skipped for route in found if route.provider == "groq")


def test_a_parameter_that_a_host_of_ones_own_takes_does_not_leave_this_machine():
    settings = own(**VLLM).changed({"my_vllm_api_key": "k"}, "a test")

    assert [r.provider for r in routes(settings, Options(), fits("n", but=["my-vllm"])) if not r.skipped] == ["my-vllm"]


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("groq/openai/gpt-oss-20b", ("groq", "openai/gpt-oss-20b")),
        ("openrouter/anthropic/claude-x", ("openrouter", "anthropic/claude-x")),
        ("my-vllm/qwen3", ("my-vllm", "qwen3")),
        ("deepseek-r1:8b", ("ollama", "deepseek-r1:8b")),
        ("mistral", ("ollama", "mistral")),
        ("claude-x", ("anthropic", "claude-x")),
    ],
)
def test_a_models_name_says_who_is_asked(model, found):
    assert provider_of(model, own(**VLLM).rows) == found


def test_a_name_that_no_provider_has_is_a_usage_error_that_names_all():
    with pytest.raises(UsageError, match="there is no provider 'nobody'") as refused:
        routes(own(**VLLM), Options(provider="nobody"), fits())

    assert {*TABLE, "my-vllm"} <= set(refused.value.hint.removeprefix("known: ").split(", "))


def test_a_local_host_of_ones_own_needs_no_key_and_a_named_key_is_needed():
    [local] = routes(own(**VLLM), Options(provider="my-vllm"), fits())
    [keyless] = routes(own(url="https://host/v1", model="m"), Options(provider="my-vllm"), fits())
    [keyed] = routes(
        own(url="https://host/v1", model="m", key_variable="HOST_TOKEN"), Options(provider="my-vllm"), fits()
    )

    assert (local.skipped, keyless.skipped, keyed.skipped) == ("", "", "no key")
    assert keyed.fix == "export HOST_TOKEN=…"
    assert (local.endpoint.base_url, local.endpoint.model) == ("http://127.0.0.1:8000/v1", "qwen3")


def test_each_is_asked_with_its_own_key_and_no_other():
    settings = Settings(openai_api_key="o", anthropic_api_key="a").changed({"groq_api_key": "g"}, "a test")
    settings = settings.changed({"providers": {"my-vllm": VLLM}}, "a test").changed({"my_vllm_api_key": "v"}, "a test")

    sent = {route.provider: route.endpoint.api_key for route in routes(settings, Options(), fits())}

    known = {"openai": "o", "anthropic": "a", "groq": "g", "my-vllm": "v"}
    assert {name: key for name, key in sent.items() if key} == known
    [unkeyed] = routes(settings, Options(provider="mistral"), fits())
    assert unkeyed.endpoint.api_key == ""


def test_a_host_without_a_model_says_how_to_name_one():
    [route] = routes(own(url="http://host/v1"), Options(provider="my-vllm"), fits())
    [named] = routes(own(url="http://host/v1"), Options(model="my-vllm/x"), fits())

    assert (route.skipped, route.fix, named.skipped) == ("no model", "name one: --model my-vllm/NAME", "")


@pytest.mark.parametrize("name", FURTHER)
def test_keys_and_addresses_appear_in_no_repr_and_no_error(name):
    settings = keyed(**{name: "sk-secret"}).changed({f"{name}_base_url": "https://me:pass@host:0"}, "a test")

    with pytest.raises(SettingError) as refused:
        get_provider_url(name, settings)
    block = {"url": "http://me:pass@host/v1"}
    told = repr(settings) + str(refused.value) + repr(own(**block)) + repr(routes(settings, Options(), fits()))
    assert "sk-secret" not in told
    assert "pass" not in told
    assert f"{name.upper()}_BASE_URL" in refused.value.message


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("Big", VLLM),
        ("openai", VLLM),
        ("redis", VLLM),
        ("auto", VLLM),
        ("a/b", VLLM),
        ("a_b", VLLM),
        ("x", {"model": "m"}),
        ("x", {"url": "ftp://host"}),
        ("x", {"url": "http://me:pass@host:port/v1"}),
        ("x", {"url": 5}),
        ("x", {**VLLM, "api_key": "sk-secret"}),
        ("x", {**VLLM, "key": "sk-secret"}),
        ("x", {**VLLM, "key_variable": "sk-secret"}),
        ("x", {**VLLM, "key_variable": "HOME"}),
        ("x", {**VLLM, "local": "yes"}),
        ("x", {**VLLM, "model": ["m"]}),
        ("x", "http://host"),
    ],
)
def test_a_block_that_is_none_is_refused_and_tells_no_secret(name, block):
    with pytest.raises(UsageError) as refused:
        own_rows({name: block}, "the file")

    assert "the file" in refused.value.message
    assert not {"sk-secret", "pass"} & set(
        str(refused.value).replace("@", " ").replace("'", " ").replace(":", " ").split()
    )


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x)))
def test_whatever_stands_there_is_rows_or_a_usage_error(value):
    try:
        own_rows(value, "the file")
    except UsageError:
        return
