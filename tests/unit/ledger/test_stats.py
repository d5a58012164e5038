import json
import time
from datetime import UTC, datetime

import pytest

from samplemind_cli import spool
from samplemind_cli.errors import UsageError
from samplemind_cli.ledger import stats
from samplemind_cli.ledger.prices import Prices, Tokens
from samplemind_cli.ledger.since import moment
from samplemind_cli.ledger.stats import sums
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

OWN = '["openai/m"]\ninput = 1.0\noutput = 2.0\ncached = 0.1\n'


@pytest.fixture
def counted(tmp_path):
    (tmp_path / "prices.toml").write_text(OWN)
    book = Ledger(Settings(state_dir=str(tmp_path)))

    def count(*records, by=(), since=0.0):
        for number, record in enumerate(records):
            whole = {
                "id": str(number),
                "at": time.time(),
                "provider": "openai",
                "model": "m",
                "tier": "miss",
                "ms": 100,
            }
            spool.append(book.folder, json.dumps(whole | record).encode() + b"\n")
        with book.open() as connection:
            return sums(connection, Prices(str(tmp_path)), since, by)

    return count


def test_the_cache_saves_what_the_answer_cost_and_took(counted):
    tokens = {"input_tokens": 1_000_000, "output_tokens": 500_000, "key": "k"}
    [total] = counted(tokens | {"ms": 2000}, tokens | {"tier": "local", "ms": 1, "times": 3})

    assert (total.calls, total.hits, total.hit_rate) == (4, 3, 0.75)
    assert (total.spent, total.saved) == (pytest.approx(2.0), pytest.approx(6.0))
    assert total.seconds_saved == pytest.approx(3 * 1.999)


def test_tokens_that_a_provider_read_from_its_own_cache_have_their_own_price(counted):
    [total] = counted({"input_tokens": 1_000_000, "cached_tokens": 1_000_000, "output_tokens": 0})

    assert total.spent == pytest.approx(0.1)


def test_errors_count_and_cost_nothing_and_unknown_prices_are_said_to_be_unknown(counted):
    [total] = counted({"error": "rate"}, {"provider": "openai", "model": "nobody-knows"}, {"provider": "ollama"})

    assert (total.errors, total.unpriced, total.spent) == (1, 1, 0)


def test_calls_are_summed_apart(counted):
    found = counted({"task": "genre"}, {"task": "audio"}, {"task": "genre"}, by=("task",))

    assert [(group.name, group.calls) for group in found] == [("genre", 2), ("audio", 1)]


def test_what_was_before_does_not_count(counted):
    now = time.time()

    assert counted({"at": now - 100}, {"at": now}, since=now - 50)[0].calls == 1


def test_percentiles_are_of_the_answers(counted):
    [total] = counted(*({"ms": ms} for ms in range(1, 101)), {"error": "x", "ms": 9999})

    assert (total.percentile(0.5), total.percentile(0.95)) == (50, 95)


def test_hosted_models_of_today_have_a_public_price():
    prices = pytest.importorskip("genai_prices") and Prices("")
    for provider, model in (("openai", "gpt-6-luna"), ("anthropic", "claude-sonnet-5-5")):
        assert prices.dollars(provider, model, Tokens(1_000_000, 0)) > 0
    assert prices.dollars("openai", "nobody-knows-this", Tokens(1)) is None


@pytest.mark.parametrize("text", ['["m"]\ninput = 1', '["m"]\ninput = -1\noutput = 1', "m = 5", "["])
def test_prices_that_are_none_are_a_usage_error(tmp_path, text):
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(UsageError):
        Prices(str(tmp_path))


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "3x", "99999999d"])
def test_what_is_no_point_in_time_is_a_usage_error(text):
    with pytest.raises(UsageError):
        moment(text)


def test_points_in_time():
    now = time.time()
    assert moment("all") == 0
    assert now - moment("3h") == pytest.approx(3 * 3600, abs=5)
    assert 0 <= now - moment("today") < 25 * 3600
    assert moment("2026-01-02") < moment("2026-01-03")


def test_groups_sum_up_to_the_total(counted):
    found = counted(
        {"task": "genre", "ms": 5}, {"task": "audio", "error": "x"}, {"task": "genre", "ms": 7}, by=("task",)
    )
    whole = stats.total(found)

    assert (whole.calls, whole.errors, whole.percentile(1.0)) == (3, 1, 7)
    assert whole.spent == sum(group.spent for group in found)


@pytest.fixture
def in_new_york(monkeypatch):
    """A place whose clocks went forward on 2026-03-08, and back on 2026-11-01."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("now", "since"), [("2026-03-09T12:00-04:00", "2026-03-01T00:00-05:00"),
                                            ("2026-11-02T12:00-05:00", "2026-11-01T00:00-04:00")])  # fmt: skip
@pytest.mark.usefixtures("in_new_york")
def test_a_month_begins_at_midnight_of_the_clock_as_it_was_then(now, since, monkeypatch):
    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(now).astimezone(tz).replace(tzinfo=tz)

    monkeypatch.setattr("samplemind_cli.ledger.since.datetime", Then)

    assert moment("month") == datetime.fromisoformat(since).timestamp()


def test_a_day_without_calls_is_a_day(tmp_path):
    book = Ledger(Settings(state_dir=str(tmp_path)))
    for number, at in enumerate(("2026-11-01T12:00", "2026-11-03T12:00", "2026-11-03T13:00")):
        record = {"id": str(number), "at": datetime.fromisoformat(at).timestamp()}
        spool.append(book.folder, json.dumps(record).encode() + b"\n")
    with book.open() as connection:
        assert stats.days(connection, 0.0) == [("2026-11-01", 1), ("2026-11-02", 0), ("2026-11-03", 2)]


def test_each_call_is_priced_as_of_its_beginning(counted):
    cheaper = datetime(2025, 6, 10, tzinfo=UTC).timestamp()  # o3, at midnight
    tokens = {"model": "o3", "input_tokens": 1_000_000, "output_tokens": 0}
    [total] = counted(tokens | {"at": cheaper + 5, "ms": 10_000}, tokens | {"at": cheaper + 5, "ms": 1_000})

    dear, cheap = (Prices("").dollars("openai", "o3", Tokens(1_000_000), cheaper + n) for n in (-5, 5))
    assert dear > cheap
    assert total.spent == pytest.approx(dear + cheap)
