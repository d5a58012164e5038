"""How long an answer may be: as its maker publishes it, and no guess from the beginning of a name."""

import pytest

from samplemind_cli.ledger.prices import LARGEST, Prices
from samplemind_cli.ledger.token_limits import longest_answer
from samplemind_cli.providers import TABLE


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("openai", "gpt-5", 128_000),
        ("openai", "gpt-5-pro", 272_000),
        ("openai", "gpt-5-pro-2025-10-06", 272_000),
        ("openai", "gpt-5-chat-latest", 16_384),
        ("openai", "ft:gpt-4.1-mini-2025-04-14:my-org::abc", 32_768),
        ("gemini", "models/gemini-3.8-flash", 65_536),
        ("gemini", "gemini-2.0-flash-001", 8_192),
    ],
)
def test_a_published_limit_holds_for_a_model_and_its_dated_versions(provider, model, tokens):
    assert longest_answer(provider, model) == tokens


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-6-ultra"),
        ("openai", "gpt-7"),
        ("gemini", "gemini-4-argon"),
        ("openrouter", "openai/gpt-5"),
        ("my-host", "gpt-5"),
    ],
)
def test_another_model_or_host_has_no_published_limit(provider, model):
    assert longest_answer(provider, model) is None


def test_without_a_published_limit_an_answer_is_as_long_as_the_context():
    pytest.importorskip("genai_prices")
    assert Prices("").longest_answer("gemini", "gemini-4-argon") == 1_048_576
    assert Prices("").longest_answer("my-host", "gpt-5") == LARGEST


def test_what_the_user_says_comes_first(tmp_path):
    (tmp_path / "prices.toml").write_text('["openai/gpt-5"]\ninput = 1\noutput = 1\nmax_output = 500\n')

    assert Prices(str(tmp_path)).longest_answer("openai", "gpt-5") == 500


@pytest.mark.parametrize("provider", ["openai", "gemini"])
def test_the_usual_model_of_a_provider_has_a_published_limit(provider):
    assert longest_answer(provider, TABLE[provider].model)
