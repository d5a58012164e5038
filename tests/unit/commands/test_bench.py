"""`samplemind bench`, as run by the command line, with measurements made up."""

import csv
import io
import json
from pathlib import Path

import pytest

from samplemind_cli import cli, output
from samplemind_cli.bench import board, gate, report
from samplemind_cli.bench.last_results import LastResults
from samplemind_cli.settings import Settings


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Run one command line in an empty folder: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = cli.run(["bench", *argv])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def measured(monkeypatch):
    """What would be measured: a list of groups asked for, and the milliseconds that Redis is said to take."""
    said = {"groups": [], "milliseconds": 0.5, "count": 40}

    def measure(groups, run):
        said["groups"].append((list(groups), run.quick))
        samples = [said["milliseconds"] * (1 + i / 1000) for i in range(said["count"])]
        work = [0.0002 * (1 + i / 1000) for i in range(said["count"])]
        yield board.score("cache.redis-read", samples, work, "on embedded parts")
        yield board.skipped("providers.gemini", "no key: export GEMINI_API_KEY=…")

    monkeypatch.setattr(board, "measure", measure)
    return said


def test_bench_alone_is_the_whole_board(run, measured):
    code, out, _ = run()

    assert code == 0
    assert measured["groups"] == [(list(board.GROUPS), False)]
    assert "Redis, one read P50" in out
    assert "Gemini, short answer P50: no key" in out
    assert "on embedded parts" in out


@pytest.mark.parametrize(
    "argv", [["cli", "cache", "--quick"], ["--quick", "cli", "cache"], ["board", "cli", "cache", "--quick"]]
)
def test_groups_and_options_need_no_name_before_them(run, measured, argv):
    assert run(*argv)[0] == 0
    assert measured["groups"] == [(["cli", "cache"], True)]


def test_what_was_measured_last_is_kept_also_of_a_run_of_some_groups(run, measured):
    run("cache")
    measured["milliseconds"] = 9.0
    run("providers")

    rows = {row["key"]: row for row in LastResults(Settings.load().state_dir).board()}
    assert rows["cache.redis-read"]["now"] == pytest.approx(9.0, rel=0.05)
    assert rows["providers.gemini"]["when"] is None


@pytest.mark.usefixtures("measured")
def test_results_that_cannot_be_kept_are_shown_all_the_same(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    code, out, err = run("cache")

    assert (code, "Redis, one read P50" in out, "warning: the results cannot be kept" in err) == (0, True, True)


@pytest.mark.usefixtures("measured")
def test_json_csv_and_markdown_are_whole_documents(run):
    found = json.loads(run("--json")[1])
    rows = list(csv.DictReader(io.StringIO(run("--csv")[1])))

    assert (
        [row["key"] for row in found["rows"]]
        == [row["key"] for row in rows]
        == ["cache.redis-read", "providers.gemini"]
    )
    assert found["rows"][0]["verdict"] == "met"
    assert run("--markdown")[1].startswith("| METRIC | BASELINE |")


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ([], "board"),
        (["board", "cli"], "board"),
        (["--quick", "cli"], "board"),
        (["load", "--seconds", "0.1"], "load"),
        (["history"], "history"),
    ],
)
def test_a_command_that_would_not_run_is_an_error_and_never_dropped(run, measured, argv, name):
    code, out, err = run(*argv, "--", "python", "my app.py")

    assert (code, out, measured["groups"]) == (2, "", [])
    assert err == f"error: bench {name} does not run a command\nhint: samplemind bench run -- python 'my app.py'\n"


def test_two_formats_at_once_are_refused_before_anything_is_measured(run, measured):
    code, out, err = run("--json", "--csv")

    assert (code, out, measured["groups"]) == (2, "", [])
    assert "exclude each other" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nope"], "no group 'nope'"),
        (["--fail-over", "5"], "needs something to compare with"),
        (["--compare", "absent.json"], "cannot read absent.json"),
        (["load", "--provider", "nope"], "no provider 'nope'"),
        (["load", "--rate", "nan"], "'--rate': must be a finite number"),
        (["load", "--rate", "inf"], "inf is not in the range"),
        (["load", "--rate", "5", "--seconds", "inf"], "inf is not in the range"),
        (["ab", "HEAD", "--margin", "nan"], "'--margin': must be a finite number"),
        (["ab", "HEAD"], "in no git repository"),
    ],
)
def test_a_wrong_word_is_a_usage_error(run, measured, argv, words):
    code, out, err = run(*argv)

    assert (code, out, measured["groups"]) == (2, "", [])
    assert words in err
    assert "hint: " in err


@pytest.mark.parametrize(
    ("milliseconds", "code", "verdict"), [(0.5, 0, "no slower"), (0.7, 1, "slower"), (0.3, 0, "faster")]
)
def test_a_gate_passes_or_fails_by_its_exit_code_and_measures_twice(run, measured, milliseconds, code, verdict):
    run("cache", "--save", "base.json")
    measured["milliseconds"] = milliseconds
    found, out, _ = run("cache", "--compare", "base.json", "--fail-over", "20", "--json")

    assert found == code
    assert [change["verdict"] for change in json.loads(out)["comparison"]] == [verdict]
    assert len(measured["groups"]) == 3


def test_without_a_gate_a_change_is_told_and_measured_once(run, measured):
    run("--save", "base.json")
    measured["milliseconds"] = 1.0
    code, out, _ = run("--compare", "base.json")

    assert code == 0
    assert "2.000x" in out
    assert "| THEN | NOW | RATIO |" in run("--compare", "base.json", "--markdown")[1]
    assert out.rstrip().endswith("slower")
    assert len(measured["groups"]) == 3


@pytest.mark.usefixtures("measured")
def test_a_page_is_written_beside_what_is_printed(run, tmp_path):
    code, out, _ = run("--html", "bench.html", "--json")

    assert code == 0
    assert json.loads(out)["rows"]
    assert (tmp_path / "bench.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    "argv", [["--html", "no/such/file"], ["--save", "no/such/file"], ["load", "--html", "no/such/file"]]
)
def test_a_file_that_cannot_be_written_is_named_before_anything_is_measured(run, measured, argv):
    code, out, err = run(*argv)

    assert (code, out, measured["groups"]) == (1, "", [])
    assert err.startswith("error: cannot write no/such/file: No such file")


@pytest.mark.usefixtures("measured")
def test_the_numbers_are_printed_even_when_their_file_has_become_impossible(run, monkeypatch, tmp_path):
    (tmp_path / "kept.json").mkdir()
    monkeypatch.setattr(report, "check_writable", lambda *_: None)
    code, out, err = run("--save", "kept.json")

    assert code == 1
    assert "Redis, one read P50" in out
    assert "cannot write kept.json: Is a directory" in err


@pytest.mark.usefixtures("measured")
def test_the_numbers_are_kept_though_nobody_reads_them(run, monkeypatch, tmp_path):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr(output, "table", closed)
    run("--save", "kept.json")

    assert json.loads((tmp_path / "kept.json").read_text())["rows"]


def test_an_interrupted_run_is_shown_and_neither_kept_nor_compared(run, monkeypatch, tmp_path):
    def measure(_groups, _run):
        yield board.score("cache.redis-read", [0.5] * 20)
        yield board.skipped("cache.redis-write", board.INTERRUPTED)

    monkeypatch.setattr(board, "measure", measure)
    code, out, _ = run("--save", "kept.json")

    assert code == 130
    assert "Redis, one read P50" in out
    assert f"Redis, one write P50: {board.INTERRUPTED}" in out
    assert not (tmp_path / "kept.json").exists()


def test_ctrl_c_in_the_second_measuring_of_a_gate_shows_the_first_and_judges_nothing(run, measured, monkeypatch):
    run("cache", "--save", "base.json")
    whole = board.measure

    def measure(groups, how):
        yield from (score if len(measured["groups"]) < 3 else interrupted(score) for score in whole(groups, how))

    def interrupted(score):
        return board.skipped(score.row.key, board.INTERRUPTED)

    monkeypatch.setattr(board, "measure", measure)
    code, out, err = run("cache", "--compare", "base.json", "--fail-over", "20", "--save", "new.json")

    assert (code, len(measured["groups"])) == (130, 3)
    assert "measuring again" in err
    assert "Redis, one read P50" in out
    assert board.INTERRUPTED not in out
    assert "since" not in out
    assert not Path("new.json").exists()


def test_when_no_row_can_be_compared_it_says_so(run, measured):
    run("--save", "base.json")
    measured["count"] = gate.LEAST - 1
    code, out, err = run("--compare", "base.json", "--fail-over", "20")

    assert code == 2
    assert gate.NOTHING in err
    assert "THEN" not in out


def test_a_load_of_a_mock_tells_its_latencies(run):
    code, out, err = run("load", "--seconds", "0.2", "--connections", "2", "--json")
    found = json.loads(out)

    assert (code, err) == (0, "sending requests for 0.2 s\n")
    assert found["requests"] >= 2
    assert found["failures"] == 0
    assert sum(found["latency"]["whole, from sending"]["microseconds"].values()) == found["requests"]
    assert found["asked"].endswith("asked of a 0-ms mock")
