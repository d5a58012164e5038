from datetime import UTC, date, datetime, timedelta

import genai_prices
import pytest
from genai_prices.types import StartDateConstraint, TimeOfDateConstraint

from samplemind_cli.ledger import prices as module
from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.rates import Rates

CHANGED = date(2025, 6, 10)  # when o3 became cheaper
MANY = Tokens(1_000_000, 1_000)


def at(day, hours=0.0):
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)).timestamp()


def published(model, moment, provider="openai"):
    usage = genai_prices.Usage(input_tokens=MANY.input, output_tokens=MANY.output)
    when = datetime.fromtimestamp(moment, UTC)
    found = genai_prices.calc_price(usage, model, provider_id=provider, genai_request_timestamp=when)
    return pytest.approx(float(found.total_price))


@pytest.mark.parametrize("kind", [Prices, lambda folder: Rates(Prices(folder))])
def test_a_call_costs_what_it_cost_then(kind):
    prices = kind("")
    before, after = (prices.dollars("openai", "o3", MANY, at(CHANGED, hours)) for hours in (-0.01, 0.01))

    assert before == published("o3", at(CHANGED, -0.01))
    assert after == published("o3", at(CHANGED, 0.01))
    assert before > 4 * after


def test_without_a_time_it_costs_what_it_costs_now(monkeypatch):
    prices = Prices("")
    monkeypatch.setattr(module.time, "time", lambda: at(CHANGED, -1))
    yesterday = prices.dollars("openai", "o3", MANY), prices.most("openai", "o3", MANY)
    monkeypatch.setattr(module.time, "time", lambda: at(CHANGED, 1))

    assert yesterday[0] > 4 * prices.dollars("openai", "o3", MANY)
    assert yesterday[1] > 4 * prices.most("openai", "o3", MANY)


@pytest.mark.parametrize("kind", [Prices, lambda folder: Rates(Prices(folder))])
def test_a_price_of_the_hour_counts_in_that_hour(kind):
    prices, day = kind(""), date(2026, 11, 2)
    hours = [hour + 0.5 for hour in range(24)]
    found = [prices.dollars("deepseek", "deepseek-v4-flash", MANY, at(day, hour)) for hour in hours]

    assert found == [published("deepseek-v4-flash", at(day, hour), "deepseek") for hour in hours]
    assert len(set(found)) > 1


def test_the_users_own_price_is_the_same_at_all_times(tmp_path):
    (tmp_path / "prices.toml").write_text('["openai/o3"]\ninput = 1.0\noutput = 2.0\n')
    prices = Prices(str(tmp_path))

    assert prices.dollars("openai", "o3", MANY, at(CHANGED, -1)) == prices.dollars("openai", "o3", MANY)


@pytest.mark.parametrize("moment", [-1e300, 0.0, 1e300])
def test_a_clock_that_said_nonsense_spoils_no_sum(moment):
    assert Prices("").dollars("openai", "o3", MANY, moment) is not None


def test_a_price_that_changed_is_looked_up_for_each_change_and_not_for_each_call(monkeypatch):
    rates, asked = Rates(Prices("")), []
    for hours in (-1, 1):
        rates.dollars("openai", "o3", MANY, at(CHANGED, hours))
    monkeypatch.setattr(Prices, "dollars", lambda *call: asked.append(call))
    for hours in range(-500, 500):
        rates.dollars("openai", "o3", MANY, at(CHANGED, hours + 0.5))

    assert not asked


def test_the_library_has_no_other_reasons_for_a_price_to_change():
    models = [model for provider in genai_prices.data.providers for model in provider.models]
    lists = [model.prices for model in models if isinstance(model.prices, list)]
    kinds = {type(price.constraint) for prices in lists for price in prices}

    assert kinds <= {type(None), StartDateConstraint, TimeOfDateConstraint}
