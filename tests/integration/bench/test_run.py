"""`bench run` and `bench history` as a user types them, on programs of known cost."""

import json
import subprocess

import pytest

from samplemind_cli import cli
from samplemind_cli.bench import program_run, trial

pytestmark = pytest.mark.integration
SLEEP = ("sh", "-c", "sleep 0.0{n}")


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Run one command line in a repository with one commit: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    commit()

    def run(*argv):
        code = cli.run(["bench", *argv])
        return code, *capfd.readouterr()

    return run


def commit():
    named = ("-c", "user.name=t", "-c", "user.email=t")
    subprocess.run(["git", *named, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)


def rows(out):
    return {row["key"]: row for row in json.loads(out)["rows"]}


def test_time_cpu_and_memory_of_a_program_are_told(run):
    code, out, err = run("run", "--runs", "6", "--json", "--", "sleep", "0.02")
    found = json.loads(out)

    assert (code, err) == (0, "measuring: sleep 0.02, 6 runs\n")
    assert found["command"] == ["sleep", "0.02"]
    assert len(found["commit"]) == 40
    assert [(row["key"], row["unit"], len(row["samples"])) for row in found["rows"]] == [
        ("time", "s", 6),
        ("cpu", "s", 6),
        ("memory", "MB", 6),
    ]
    assert rows(out)["time"]["low"] >= 0.02
    assert len(rows(out)["time"]["calibration"]) == 6
    assert not rows(out)["memory"]["calibration"]


def test_the_table_is_for_people(run):
    out = run("run", "--runs", "6", "--", "sleep", "0.02")[1]

    assert out.splitlines()[0].split() == ["METRIC", "MEDIAN", "95", "%", "INTERVAL", "LEAST", "MOST", "RUNS"]
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["time", "cpu", "memory"]
    assert "memory: an upper bound" in out


def test_by_default_it_runs_until_the_time_is_up_but_often_enough_to_be_compared(run, monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 0)

    assert len(rows(run("run", "--json", "--", "true")[1])["time"]["samples"]) == 20


def test_warm_ups_do_not_count(run, tmp_path):
    line = "echo run >> log"
    run("run", "--runs", "3", "--warmup", "2", "--", "sh", "-c", line)
    assert (tmp_path / "log").read_text().count("run") == 5


def test_each_combination_of_parameters_is_measured_and_told_beside_the_first(run):
    code, out, _ = run("run", "--runs", "6", "--parameter", "n", "1,4", "--json", "--", *SLEEP)
    found = rows(out)

    assert code == 0
    assert list(found) == [f"{metric} n={n}" for n in "14" for metric in ("time", "cpu", "memory")]
    assert found["time n=4"]["parameters"] == {"n": "4"}
    assert found["time n=1"]["now"] < 0.04 <= found["time n=4"]["now"]
    assert "n=4 takes " in run("run", "--runs", "6", "--parameter", "n", "1,4", "--", *SLEEP)[1]


def test_a_program_that_fails_is_told_and_not_measured(run):
    code, out, err = run("run", "--save", "x", "--", "sh", "-c", "echo out of milk >&2; exit 3")

    assert (code, out) == (1, "")
    assert "ended with 3: out of milk" in err
    assert "--ignore-failure" in err
    assert "no results" in run("history")[2]


def test_a_program_that_fails_later_is_told_with_the_number_of_the_run(run, tmp_path):
    (tmp_path / "fine").touch()
    code, out, err = run("run", "--runs", "5", "--", "sh", "-c", "test -f fine && rm fine")

    assert (code, out) == (1, "")
    assert "ended with 1: in run 1" in err


def test_failures_are_counted_where_they_are_to_be_ignored(run, tmp_path):
    flaky = "if test -f failed; then exit 0; fi; touch failed; exit 4"
    code, out, _ = run("run", "--runs", "4", "--warmup", "0", "--ignore-failure", "--json", "--", "sh", "-c", flaky)

    assert code == 0
    assert rows(out)["time"]["failures"] == {"ended with 4": 1}
    (tmp_path / "failed").unlink()
    out = run("run", "--runs", "4", "--warmup", "0", "--ignore-failure", "--", "sh", "-c", flaky)[1]
    assert "time: 1 of 4 runs ended with 4" in out


def usage(monkeypatch, *, seconds=0.010, cpu=0.008, memory=50_000_000, bare=0.020):
    """Let every program take so much, give or take a little."""
    count = iter(range(10**6))

    def made_up(command, _directory):
        a_little = 1 + next(count) % 7 / 1000
        if command == trial.BARE:
            return program_run.ResourceUsage(bare * a_little, bare * a_little, 10, 1, 0)
        return program_run.ResourceUsage(seconds * a_little, cpu * a_little, int(memory * a_little), 1, 0)

    monkeypatch.setattr(program_run, "run", made_up)
    monkeypatch.setattr(program_run, "rehearse", lambda *given: (made_up(*given), ""))


@pytest.mark.parametrize(
    ("changes", "code", "verdicts"),
    [
        ({}, 0, ["no slower", "no slower", "no larger"]),
        ({"seconds": 0.013}, 1, ["slower", "no slower", "no larger"]),
        ({"cpu": 0.012}, 1, ["no slower", "slower", "no larger"]),
        ({"memory": 80_000_000}, 1, ["no slower", "no slower", "larger"]),
        ({"seconds": 0.005, "cpu": 0.004, "memory": 20_000_000}, 0, ["faster", "faster", "smaller"]),
        ({"seconds": 0.011, "cpu": 0.0088, "bare": 0.022}, 0, ["no slower", "no slower", "no larger"]),
        ({"seconds": 0.020, "cpu": 0.016, "bare": 0.040}, 0, ["reported", "reported", "no larger"]),
    ],
)
def test_a_gate_passes_or_fails_by_time_cpu_and_memory(run, monkeypatch, changes, code, verdicts):
    usage(monkeypatch)
    run("run", "--runs", "40", "--save", "base", "--", "program")
    usage(monkeypatch, **changes)
    options = ("--runs", "40", "--compare", "base", "--fail-over", "20", "--json")
    found, out, err = run("run", *options, "--", "program")

    assert [change["verdict"] for change in json.loads(out)["comparison"]] == verdicts
    assert found == code
    assert json.loads(out)["since"]["command"] == ["program"]
    assert "measuring again" in err


def test_a_gate_that_cannot_judge_the_time_is_not_passed(run, monkeypatch):
    usage(monkeypatch)
    run("run", "--runs", "10", "--save", "few", "--", "program")
    code, out, err = run("run", "--compare", "few", "--fail-over", "20", "--", "program")

    assert code == 2
    assert "nothing to compare: it takes 20 runs of the same parameters" in err
    assert "THEN" not in out


def test_a_change_is_told_without_a_gate_and_another_command_is_mentioned(run, monkeypatch):
    usage(monkeypatch)
    run("run", "--runs", "20", "--save", "base", "--", "program")
    usage(monkeypatch, seconds=0.020)
    code, out, err = run("run", "--runs", "20", "--compare", "base", "--save", "base", "--", "program", "--more")

    assert code == 0
    assert "DETECTABLE HERE" in out
    assert "slower" in out
    assert "the baseline is of another command: program" in err


def test_history_lists_and_plots_what_was_kept_at_each_commit(run, monkeypatch):
    for n in (1, 2, 3):
        usage(monkeypatch, seconds=n / 100)
        run("run", "--runs", "20", "--save", "main", "--", "program")
        commit()
    run("run", "--runs", "20", "--save", "other", "--", "program")
    code, out, _ = run("history", "main")

    assert code == 0
    assert out.count("main  20") == 9
    assert "main  time    ▁▅█  10" in out
    assert "other" not in out
    found = json.loads(run("history", "--last", "1", "--json")[1])["measurements"]
    assert [(document["name"], document["rows"][0]["key"]) for document in found] == [
        ("main", "time"),
        ("other", "time"),
    ]
    assert len(found[0]["rows"][0]["samples"]) == 20


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run"], "Missing argument"),
        (["run", "--fail-over", "5", "--", "true"], "needs something to compare with"),
        (["run", "--compare", "x", "--fail-over", "5", "--runs", "19", "--", "true"], "needs 20 runs or more"),
        (["run", "--compare", "x", "--", "true"], "no results are saved as 'x'"),
        (["run", "--save", "a@b", "--", "true"], "cannot be the name"),
        (["run", "--save", "", "--", "true"], "cannot be the name"),
        (["run", "--parameter", "n", "1,2", "--", "true"], "the command has no {n}"),
        (["run", "--runs", "0", "--", "true"], "0 is not in the range"),
        (["run", "--", "no-such-program"], "cannot start no-such-program"),
        (["history", "nope"], "no results are saved as 'nope'"),
    ],
)
def test_a_wrong_command_line_is_told_with_a_way_on(run, argv, words):
    code, out, err = run(*argv)

    assert (code, out) == (2, "")
    assert words in err
    assert "hint: " in err


def test_what_is_kept_holds_no_secret_of_the_command_line(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    words = ("true", "--api-key=abc-secret", "-H", "Authorization: Bearer abc-secret")
    code, out, err = run("run", "--runs", "6", "--json", "--save", "main", "--", *words)

    assert code == 0, err
    assert json.loads(out)["command"] == ["true", "--api-key=***", "-H", "Authorization: ***"]
    kept = [path.read_text() for path in (tmp_path / "state").rglob("*.json")]
    assert kept
    assert not [text for text in kept if "abc-secret" in text]
    assert run("run", "--runs", "6", "--compare", "main", "--", *words)[2].count("another command") == 0
