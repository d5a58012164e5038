"""`samplemind ledger budgets`, and what `stats` and `log` refuse."""

import csv
import io
import json
import time

import pytest
from typer.testing import CliRunner

from samplemind_cli import spool
from samplemind_cli.cli import app
from samplemind_cli.errors import UsageError

TABLE = "[budgets]\nday = 5\n"


@pytest.fixture
def budgets(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(text, *options):
        (tmp_path / "samplemind").mkdir(exist_ok=True)
        (tmp_path / "samplemind" / "config.toml").write_text(text)
        return CliRunner().invoke(app, ["ledger", "budgets", *options])

    return run


def test_each_budget_is_a_line_with_what_is_left(budgets):
    done = budgets(TABLE)

    assert done.exit_code == 0
    assert done.stdout.split("\n")[1].split() == ["$5.00", "a", "day", "$0.00", "$0.00", "$5.00"]


def test_a_script_reads_it_as_json(budgets):
    told = json.loads(budgets(TABLE, "--json").stdout)

    assert told == {
        "budget": "$5.00 a day", "each": "", "name": "", "span": "day", "limit": 5, "spent": 0, "held": 0, "left": 5,
    }  # fmt: skip


def test_where_there_is_none_it_says_where_to_write_one(budgets):
    done = budgets("")

    assert (done.exit_code, done.stdout) == (0, "")
    assert "config.toml" in done.stderr


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["stats", "--json", "--csv"], "two forms"),
        (["stats", "--since", "soon"], "not a point in time"),
        (["log", "--model", "x"], "--model is for --again"),
        (["log", "--again"], "needs a call's ID"),
        (["log", "--search", ""], "nothing to search for"),
        (["log", ""], "no call ID begins"),
        (["log", "abc", "--follow"], "cannot be combined"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(argv, why):
    done = CliRunner().invoke(app, argv)

    assert isinstance(done.exception, UsageError)
    assert why in done.exception.message
    assert done.stdout == ""


@pytest.mark.parametrize("name", ['=HYPERLINK("//x","y")', "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "plain", "a=1"])
def test_no_session_is_a_formula_in_a_spreadsheet(tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    call = {"id": "1", "at": time.time(), "session": name, "tier": "miss"}
    spool.append(str(tmp_path / "samplemind" / "ledger"), json.dumps(call).encode() + b"\n")
    done = CliRunner().invoke(app, ["stats", "--by", "session", "--csv"])
    [row] = csv.DictReader(io.StringIO(done.stdout))

    assert row["name"][0] not in "=+-@\t\r"
    assert row["name"].removeprefix("'").startswith(name) or "\\" in row["name"]  # the door escapes control characters
