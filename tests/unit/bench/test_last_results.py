import json

import pytest

from samplemind_cli.bench import board, git, report
from samplemind_cli.bench.last_results import MOST, LastResults
from samplemind_cli.errors import SamplemindError

PROJECT = git.Repository("/somewhere", "a" * 40, changed=False)


def measured(key, value):
    return report.document([board.score(key, (value,) * 20), board.skipped("providers.gemini", "no key")])


def compared(number):
    return {"when": str(number), "ratio": 1.0, "verdict": "no worse", "pairs": [[1.0, 1.0]]}


def test_each_row_of_the_board_has_its_last_value_whatever_was_measured_since(tmp_path):
    results = LastResults(str(tmp_path))
    for key, value in (("cache.redis-read", 1.0), ("cache.local", 3.0), ("cache.redis-read", 5.0)):
        results.keep_board(measured(key, value))

    rows = {row["key"]: row for row in results.board()}
    assert list(rows) == list(board.ROWS)
    assert (rows["cache.redis-read"]["now"], rows["cache.redis-read"]["verdict"]) == (5.0, "missed")
    assert rows["cache.local"]["now"] == 3.0
    assert rows["cache.local"]["when"]
    assert (rows["providers.gemini"]["now"], rows["providers.gemini"]["when"]) == (None, None)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "bench" / "board").iterdir()} == {0o600}


def test_a_row_that_is_no_longer_on_the_board_and_a_broken_file_are_left_out(tmp_path):
    results = LastResults(str(tmp_path))
    results.keep_board(measured("cache.local", 3.0))
    for name, text in (("gone", json.dumps({"key": "gone", "when": "x"})), ("cache.redis-read", "{"), ("list", "[]")):
        (tmp_path / "bench" / "board" / f"{name}.json").write_text(text)

    assert [row["key"] for row in results.board() if row["when"]] == ["cache.local"]


def test_comparisons_are_kept_by_project_newest_first_and_the_oldest_go(tmp_path):
    results = LastResults(str(tmp_path))
    for number in range(MOST + 3):
        results.keep_comparison(PROJECT, compared(number))

    assert [found["when"] for found in results.comparisons(PROJECT)] == [str(n) for n in range(MOST + 2, 2, -1)]
    assert results.comparisons(git.Repository("/elsewhere", "", changed=False)) == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "bench").write_text("")

    with pytest.raises(SamplemindError, match="cannot be kept"):
        LastResults(str(tmp_path)).keep_comparison(PROJECT, compared(1))
