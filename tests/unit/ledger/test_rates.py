import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.rates import Rates

MODELS = [
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-pro"),
    ("openai", "gpt-6-luna"),
    ("ollama", "tiny"),
]
STEPS = [100_000, 200_000, 272_000]  # behind such a prompt some models cost more


@given(
    st.sampled_from(MODELS),
    st.tuples(*[st.integers(0, 400_000) | st.sampled_from([step + n for step in STEPS for n in (-1, 0, 1)])] * 3),
    st.integers(0, 50_000),
)
def test_a_call_costs_what_its_own_price_says(model, prompt, output):
    plain, cached, written = prompt
    tokens = Tokens(plain + cached + written, output, cached, written)
    prices = Prices("")

    assert Rates(prices).dollars(*model, tokens) == pytest.approx(prices.dollars(*model, tokens), rel=1e-9, abs=1e-12)


def test_counts_that_contradict_each_other_are_left_to_the_price(tmp_path):
    (tmp_path / "prices.toml").write_text('["x/y"]\ninput = 1.0\noutput = 2.0\ncached = 0.1\n')
    prices, odd = Prices(str(tmp_path)), Tokens(input=5, cached=50)

    assert Rates(prices).dollars("x", "y", odd) == prices.dollars("x", "y", odd)


def test_an_unknown_price_stays_unknown():
    assert Rates(Prices("")).dollars("openai", "no-such-model", Tokens(5, 5)) is None


@pytest.mark.parametrize("model", MODELS)
def test_no_call_of_a_usual_model_has_its_price_looked_up(model, monkeypatch):
    rates = Rates(Prices(""))
    rates.dollars(*model, Tokens(1, 1))
    monkeypatch.delattr(Prices, "dollars")

    assert [rates.dollars(*model, Tokens(count, 9)) is not None for count in (0, 5, *STEPS, 300_000)] == [True] * 6


def test_a_price_is_looked_up_for_a_model_and_not_for_a_call(monkeypatch):
    asked = []
    monkeypatch.setattr(Prices, "dollars", lambda *call, **_: asked.append(call) or 0.0)
    rates = Rates(Prices(""))

    for count in range(1000):
        rates.dollars("openai", "gpt-4o", Tokens(count, count))

    assert len(asked) < 30
