"""What is spent and held of budgets, in one file for all processes."""

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from samplemind_cli.budgets import Budget
from samplemind_cli.errors import SettingError
from samplemind_cli.ledger import accounts
from samplemind_cli.ledger.accounts import NANO, Accounts, OverError, of, standing
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.ledger.store import Ledger, add
from samplemind_cli.settings import Settings

NOBODY = {"client": "", "session": "", "batch": ""}
DOLLAR = NANO
LATER = 3600.0


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"), budgets=(Budget(5, "day"),))


@pytest.fixture
def own(settings):
    found = Accounts(settings, Prices(""))
    yield found
    found.close()


def account(budget=5.0, span="day", **who):
    [found] = of([Budget(budget, span, *list(who)[:1])], NOBODY | who)
    return found


def hold(own, account, dollars, until=None):
    return own.hold([account], round(dollars * NANO), until or time.time() + LATER)


def test_what_is_settled_is_spent_and_what_is_under_way_is_held(own):
    held = hold(own, account(), 2)
    assert own.sums(account()) == (0, 2 * DOLLAR)

    own.settle(held, DOLLAR // 3)
    assert own.sums(account()) == (DOLLAR // 3, 0)


def test_a_provider_that_counts_more_than_there_can_be_ends_the_budget_and_no_call(own):
    held = [hold(own, account(), 0.1) for _ in range(12)]
    for call in held:
        own.settle(call, 10**30)

    assert own.sums(account())[0] > 10**18
    with pytest.raises(OverError):
        hold(own, account(), 0.1)


def test_a_call_waits_while_others_hold_what_it_needs_and_is_refused_once_it_is_spent(own):
    first = hold(own, account(), 4)
    assert hold(own, account(), 2) is None

    own.settle(first, 4 * DOLLAR)
    with pytest.raises(OverError) as over:
        hold(own, account(), 2)
    assert over.value.left == DOLLAR
    assert str(over.value.account) == "$5.00 a day"
    assert hold(own, account(), 1)


def test_one_account_that_is_over_leaves_the_others_as_they_were(own):
    tight = account(1, "total", client="ci")
    with pytest.raises(OverError):
        own.hold([account(), tight], 2 * DOLLAR, time.time() + LATER)

    assert own.sums(account()) == (0, 0)


def test_what_a_process_held_that_died_counts_as_spent(own, settings):
    script = (
        "import sys, time; from samplemind_cli.ledger.accounts import *; from samplemind_cli.settings import Settings\n"
        "own = Accounts(Settings(state_dir=sys.argv[1]), Prices(''))\n"
        "[account] = of([Budget(5, 'day')], {'client': '', 'session': '', 'batch': ''})\n"
        "own.hold([account], 3 * NANO, time.time() + 99); print('held', flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", script, settings.state_dir], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        assert own.sums(account()) == (0, 3 * DOLLAR)
        other.kill()

    assert own.sums(account()) == (3 * DOLLAR, 0)


def test_what_is_held_past_its_time_counts_as_spent_until_it_is_settled_after_all(own):
    late = hold(own, account(), 3, until=time.time() - 1)
    assert own.sums(account()) == (3 * DOLLAR, 0)

    own.settle(late, DOLLAR)
    assert own.sums(account()) == (DOLLAR, 0)


def test_each_day_has_its_own_sum_also_when_the_clock_jumps_back(own, monkeypatch):
    monkeypatch.setattr(accounts, "_label", lambda _: "2026-12-01")
    own.settle(hold(own, account(), 4), 4 * DOLLAR)
    monkeypatch.setattr(accounts, "_label", lambda _: "2026-11-30")
    assert own.sums(account()) == (0, 0)

    monkeypatch.setattr(accounts, "_label", lambda _: "2026-12-01")
    assert own.sums(account()) == (4 * DOLLAR, 0)


def test_a_call_that_is_held_at_midnight_is_looked_for_and_spent_on_one_day(own, monkeypatch):
    days = iter(["2026-11-30", *["2026-12-01"] * 9])
    monkeypatch.setattr(accounts, "_label", lambda _: next(days))
    held = hold(own, account(), 4)

    assert held.keys == (("all", "day 2026-11-30"),)
    own.settle(held, 4 * DOLLAR)
    monkeypatch.setattr(accounts, "_label", lambda _: "2026-11-30")
    assert own.sums(account()) == (4 * DOLLAR, 0)


def test_threads_at_once_never_hold_more_than_there_is(settings):
    def spend(_):
        own = Accounts(settings, Prices(""))
        try:
            if held := hold(own, account(), 0.5):
                own.settle(held, DOLLAR // 2)
                return 1
        except OverError:
            pass
        finally:
            own.close()
        return 0

    with ThreadPoolExecutor(8) as threads:
        made = sum(threads.map(spend, range(60)))
    own = Accounts(settings, Prices(""))
    assert own.sums(account()) == (made * DOLLAR // 2, 0)
    assert 0 < made <= 10
    own.close()


def test_what_was_spent_before_there_was_a_budget_counts(settings):
    prices = Path(settings.state_dir, "config")
    prices.mkdir(parents=True)
    (prices / "prices.toml").write_text('["openai/m"]\ninput = 1\noutput = 2\n')
    call = {
        "id": "a",
        "at": time.time(),
        "provider": "openai",
        "model": "m",
        "tier": "miss",
        "client": "ci",
        "times": 1,
    }
    with Ledger(settings).open() as connection:
        add(connection, [call | {"input_tokens": 1_000_000, "output_tokens": 500_000}])
    own = Accounts(settings, Prices(str(prices)))
    mine = [account(), account(9, "month", client="ci"), account(9, "month", client="other")]

    assert own.unknown(mine) == mine
    own.begin(mine)
    assert own.unknown(mine) == []
    assert [own.sums(one)[0] for one in mine] == [2 * DOLLAR, 2 * DOLLAR, 0]
    own.close()


def test_a_client_has_its_own_budget_instead_of_the_general_one():
    budgets = [
        Budget(5, "day"),
        Budget(1, "day", "client"),
        Budget(3, "day", "client", "ci"),
        Budget(2, "total", "batch"),
    ]

    assert [str(one) for one in of(budgets, NOBODY)] == ["$5.00 a day"]
    assert [str(one) for one in of(budgets, NOBODY | {"client": "ci"})] == ["$5.00 a day", "$3.00 of client ci a day"]
    assert [str(one) for one in of(budgets, NOBODY | {"client": "me"})][1] == "$1.00 of client me a day"
    assert [str(one) for one in of(budgets, NOBODY | {"batch": "f"})][1] == "$2.00 of batch f in all"


def test_where_nothing_can_be_written_down_nothing_may_be_spent(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SettingError, match="spending cannot be recorded"):
        hold(Accounts(Settings(state_dir=str(blocked)), Prices("")), account(), 1)

    with pytest.raises(SettingError, match="folder"):
        Accounts(Settings(), Prices(""))


def test_a_broken_file_is_an_error_and_not_an_empty_account(own, settings):
    own.settle(hold(own, account(), 4), 4 * DOLLAR)
    own.close()
    path = Path(settings.state_dir, "ledger", accounts.NAME)
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    path.write_bytes(os.urandom(4096))

    with pytest.raises(SettingError, match="spending cannot be recorded"):
        hold(own, account(), 1)


def test_the_file_is_the_users_alone(own, settings):
    hold(own, account(), 1)

    path = Path(settings.state_dir, "ledger", accounts.NAME)
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_budgets_standing_tells_what_is_left_for_all_and_for_each(settings):
    own = Accounts(settings, Prices(""))
    mine = [account(), account(2, "total", client="ci")]
    own.settle(own.hold(mine, DOLLAR, time.time() + LATER), DOLLAR // 2)
    own.close()
    settings = Settings(state_dir=settings.state_dir, budgets=(Budget(5, "day"), Budget(2, "total", "client")))

    found = standing(settings, Prices(""))
    assert [(one["budget"], one["spent"], one["left"]) for one in found] == [
        ("$5.00 a day", 0.5, 4.5), ("$2.00 of client ci in all", 0.5, 1.5),
    ]  # fmt: skip
