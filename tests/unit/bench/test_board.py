import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from samplemind_cli.bench import board, report
from samplemind_cli.bench.board import GROUPS, ROWS, BoardRun, Score, ScoreRow
from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.settings import Settings

LESS = ScoreRow("cli.x", "x", "ms", target=10)
MORE = ScoreRow("cli.y", "y", "%", target=60, better="more")


@pytest.fixture
def run(tmp_path):
    said = []
    return BoardRun(Settings(), quick=True, folder=tmp_path, say=said.append)


@pytest.mark.parametrize(
    ("row", "samples", "verdict"),
    [
        (LESS, [9.0] * 20, "met"),
        (LESS, [11.0] * 20, "missed"),
        (LESS, [8.0, 12.0] * 10, "unsure"),
        (LESS, [9.0], "met"),
        (LESS, [9.0, 10.5], "unsure"),
        (LESS, [float("inf")] * 20, "missed"),
        (MORE, [70.0], "met"),
        (MORE, [50.0], "missed"),
        (ScoreRow("cli.z", "z", "ms"), [1.0], "measured"),
        (LESS, [], "skipped"),
    ],
)
def test_a_target_is_met_only_when_the_whole_interval_meets_it(row, samples, verdict):
    assert Score(row, tuple(samples)).verdict == verdict


def test_a_tail_needs_enough_samples():
    few = board.score("core.answer", [1.0] * 71)
    enough = board.score("core.answer", [1.0] * 72)

    assert (few.verdict, few.reason) == ("skipped", "71 samples in the time given; P95 needs 72")
    assert enough.verdict == "met"


def test_every_group_has_rows_and_a_module_that_measures_them():
    for group in GROUPS:
        assert [key for key in ROWS if ROWS[key].group == group]
        assert (board.Path(board.__file__).parent / "rows" / f"{group}.py").is_file()


def test_a_group_that_fails_says_why_in_every_row_it_owes(run, monkeypatch):
    def measure(_run):
        yield board.score("build.seconds", [100.0])
        raise StackError("the Docker daemon does not answer")

    monkeypatch.setitem(sys.modules, "samplemind_cli.bench.rows.build", SimpleNamespace(measure=measure))
    scores = list(board.measure(["build"], run))

    assert [score.row.key for score in scores] == [key for key in ROWS if key.startswith("build.")]
    assert scores[0].verdict == "met"
    assert {score.reason for score in scores[1:]} == {"the Docker daemon does not answer"}


def test_an_error_is_a_reason_with_the_command_that_mends_it():
    assert board.why(SamplemindError("That key is wrong.", "export KEY=…")) == "That key is wrong: export KEY=…"


def test_a_failure_after_the_last_row_is_not_swallowed(run, monkeypatch):
    def measure(_run):
        yield from (board.score(key, [1.0]) for key in ROWS if key.startswith("build."))
        raise SamplemindError("late")

    monkeypatch.setitem(sys.modules, "samplemind_cli.bench.rows.build", SimpleNamespace(measure=measure))
    with pytest.raises(SamplemindError, match="late"):
        list(board.measure(["build"], run))


def test_ctrl_c_keeps_what_was_measured_and_names_what_was_not(run, monkeypatch):
    def measure(_run):
        yield board.score("build.seconds", [100.0])
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "samplemind_cli.bench.rows.build", SimpleNamespace(measure=measure))
    scores = list(board.measure(["build", "tests"], run))

    assert [score.row.key for score in scores] == [key for key in ROWS if key.startswith(("build.", "tests."))]
    assert scores[0].verdict == "met"
    assert {score.reason for score in scores[1:]} == {board.INTERRUPTED}
    assert run.folder.joinpath("tests").exists() is False


def test_a_quick_run_whose_time_is_over_says_so_in_the_rows_it_owes(run, monkeypatch):
    late = replace(run, ends=0.0)

    assert {score.reason for score in board.measure(["cache", "serve"], late)} == {board.OVER}
    monkeypatch.setattr(board, "QUICK", 0.0)
    assert {score.reason for score in board.scores(["cache"], Settings(), print, quick=True)} == {board.OVER}


@pytest.mark.parametrize("group", ["build", "tests"])
def test_what_takes_minutes_is_skipped_when_quick(run, group):
    scores = list(board.measure([group], run))

    assert {score.verdict for score in scores} == {"skipped"}
    assert all("leave out --quick" in score.reason for score in scores)


def test_the_table_says_what_was_measured_and_the_remarks_on_what():
    found = report.document(
        [board.score("cache.redis-read", [0.5] * 20, note="on embedded parts"), board.skipped("cache.local", "absent")]
    )

    assert report.table(found["rows"]) == [
        ("Redis, one read P50", "", "<= 2 ms", "0.5 ms", "0.5 to 0.5, n=20", "met"),
        ("local tier, one read P50", "", "", "", "", "skipped"),
    ]
    assert report.remarks(found["rows"]) == [
        "Redis, one read P50: on embedded parts",
        "local tier, one read P50: absent",
    ]


def test_neighbours_with_the_same_remark_share_a_line():
    scores = [board.skipped("build.image", "no Docker"), board.skipped("build.added", "no Docker")]
    found = report.document([*scores, board.skipped("tests.fast", "no tests")])

    assert report.remarks(found["rows"]) == ["image; image beyond its base: no Docker", "fast tests: no tests"]


def test_csv_and_markdown_hold_every_row():
    found = report.document([board.score("core.answer", [100.0] * 72), board.skipped("cache.local", "a | b")])
    lines = report.as_csv(found["rows"]).splitlines()

    assert len(lines) == 3
    assert lines[0].split(",") == list(report.FIELDS)
    assert lines[1].startswith("core.answer,AI answer P95,ms,200,150,100.0,")
    assert "| AI answer P95 | 200 ms | <= 150 ms | 100 ms |" in report.as_markdown(found)
    assert "a \\| b" in report.as_markdown(found)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (17.24, "ms", "17.2 ms"),
        (1.034, "x", "1.03x"),
        (0.5, "$", "$0.5"),
        (1489, "calls", "1,489 calls"),
        (None, "s", ""),
    ],
)
def test_amounts_read_well(value, unit, text):
    assert report.amount(value, unit) == text
