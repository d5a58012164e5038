import os
from functools import partial
from pathlib import Path

import pytest

from samplemind_cli.testing import history
from samplemind_cli.testing.changed import UNKNOWN, LastRun, Remembered, RerunPlan
from samplemind_cli.testing.dependencies import ALL, ALWAYS, Dependency, Look
from samplemind_cli.testing.fingerprints import Contents

KNOWN = Remembered(tests={"a.py::test": set()}).document()
USED = {"files": [], "folders": [], "checks": [], "runs": [], "programs": [], "servers": [], "variables": []}
AROUND = {"path": [], "sources": [], "imports": {}, "settings": [], "folders": [], "homes": [], "written": []}
PYTHON = Path("/nowhere/bin/python")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def memory(tmp_path, root):
    return lambda **env: LastRun(tmp_path, "s", partial(Look, root, PYTHON, env))


@pytest.fixture
def learn(memory):
    """Remember tests that used this, and plan anew."""

    def learn(complete=True, everywhere=USED, failed=(), env=None, around=AROUND, **tests):
        made = memory(**(env or {}))
        plan = made.plan()
        ran = {
            f"{name}.py::test": {
                "seconds": 0.1,
                "outcome": "failed" if name in failed else "passed",
                "used": {**USED, **used},
            }
            for name, used in tests.items()
        }
        seen = {
            "complete": complete,
            "tests": ran,
            "everywhere": {**USED, **everywhere},
            "surroundings": around,
            "blind": None,
        }
        made.learn(seen, plan)

    return learn


def test_nothing_is_run_when_all_is_as_it_was(tmp_path, memory):
    history.write(tmp_path / "s.json", KNOWN)
    assert memory().plan() == RerunPlan((), frozenset({"a.py::test"}), ())


@pytest.mark.parametrize(
    "change",
    [
        {"everywhere": {"a": 1}},
        {"everywhere": None},
        {"tests": 7},
        {"tests": {"a": [9]}},
        {"format": 0},
        {"failed": 1},
        {"dependencies": [[1]]},
    ],
)
def test_a_memory_of_another_shape_is_none(tmp_path, memory, change):
    history.write(tmp_path / "s.json", {**KNOWN, **change})
    assert memory().plan().reasons == (UNKNOWN,)


def test_a_test_runs_again_when_what_it_read_has_another_content(root, memory, learn):
    for name in "ab":
        (root / name).write_text(name)
    learn(a={"files": [str(root / "a")]}, b={"files": [str(root / "b")]})
    assert memory().plan().skip == {"a.py::test", "b.py::test"}
    (root / "b").write_text("c")
    assert memory().plan() == RerunPlan((), frozenset({"a.py::test"}), ("b",))


def test_a_failed_test_runs_again(memory, learn):
    learn(a={}, b={}, failed="a")
    assert memory().plan().skip == {"b.py::test"}


def test_what_all_use_makes_everything_run_and_the_reason_is_named(root, memory, learn):
    (root / "a").write_text("1")
    learn(everywhere={"files": [str(root / "a")], "variables": ["MODE"]}, a={})
    (root / "a").unlink()
    assert memory(MODE="b").plan().reasons == ("$MODE", "a")


def test_a_run_of_everything_that_was_cut_short_leaves_everything_to_do(memory, learn):
    learn(complete=False, a={})
    assert memory().plan().reasons == (UNKNOWN,)


def test_a_test_that_had_to_run_and_did_not_is_not_known_any_more(root, memory, learn):
    (root / "a").write_text("1")
    learn(a={"files": [str(root / "a")]}, b={})
    (root / "a").write_text("2")
    learn(complete=False, c={})
    assert memory().plan().skip == {"b.py::test", "c.py::test"}


def test_what_changed_while_the_tests_ran_is_stale_at_once(root, memory):
    made = memory()
    plan = made.plan()
    (root / "a").write_text("saved meanwhile")
    used = {**USED, "files": [str(root / "a")]}
    tests = {"a.py::test": {"seconds": 0.1, "outcome": "passed", "used": used}}
    made.began -= 10**9  # the kernel's clock for files is a tick behind
    made.learn({"complete": True, "tests": tests, "everywhere": USED, "surroundings": AROUND, "blind": None}, plan)
    assert memory().plan().changes == ("a",)


def test_a_file_that_a_test_only_touched_has_not_changed(root, memory):
    (root / "a").write_text("1")
    made = memory()
    plan = made.plan()
    made.began -= 10**9
    os.utime(root / "a", (1, 1))
    tests = {"a.py::test": {"seconds": 0.1, "outcome": "passed", "used": {**USED, "files": [str(root / "a")]}}}
    made.learn({"complete": True, "tests": tests, "everywhere": USED, "surroundings": AROUND, "blind": None}, plan)
    assert memory().plan().skip == {"a.py::test"}


def test_a_server_elsewhere_is_always_stale(memory, learn):
    learn(a={"servers": ["db:5432"]})
    assert memory().plan() == RerunPlan((), frozenset(), ("what db:5432 answers",))


def test_where_calls_are_not_seen_everything_runs(memory):
    made = memory()
    plan = made.plan()
    made.learn({"complete": True, "tests": {}, "everywhere": USED, "surroundings": AROUND, "blind": "a debugger"}, plan)
    assert memory().plan().reasons == ("a debugger",)


def test_variables_of_the_shell_are_no_change_and_those_of_python_are(root):
    look = Look(root, PYTHON, {"SHLVL": "1", "MODE": "a", "PYTHONPATH": "x", "PYTHONUNBUFFERED": "1"}, Contents())
    assert [name for name, _ in look.now("variables", ALL)] == ["MODE", "PYTHONPATH"]
    assert [name for name, _ in look.now("variables", ALWAYS)] == ["PYTHONPATH"]
    assert look.now("variables", "ABSENT") == ()


def test_no_value_of_a_variable_is_remembered(tmp_path, learn):
    learn(a={"variables": ["TOKEN"]}, env={"TOKEN": "very-secret"})
    assert "very-secret" not in (tmp_path / "s.json").read_text()


def test_a_program_depends_on_the_project_and_not_on_what_tests_make(root, memory, learn):
    (root / "made").write_text("1")
    learn(a={"programs": ["sh"]}, around={**AROUND, "written": [str(root / "made")]})
    (root / "made").write_text("2")
    assert memory().plan().skip == {"a.py::test"}
    (root / "new").write_text("1")
    assert memory().plan().changes == ("a file, and sh was started",)


def test_an_installed_package_that_changes_makes_everything_run(tmp_path, memory, learn):
    site = tmp_path / "site-packages"
    (site / "a-1.0.dist-info").mkdir(parents=True)
    (site / "a-1.0.dist-info" / "RECORD").write_text("a.py,sha256=1,1\n")
    around = {**AROUND, "path": [str(site)]}
    learn(a={}, around=around)
    assert memory().plan().reasons == ()
    (site / "a-1.0.dist-info" / "RECORD").write_text("a.py,sha256=2,1\n")
    assert "packages in" in memory().plan().reasons[0]


def test_another_python_makes_everything_run_and_is_named(tmp_path, root, learn):
    learn(a={})
    other = LastRun(tmp_path, "s", partial(Look, root, Path("/elsewhere/bin/python"), {}))
    assert "Python" in other.plan().reasons


@pytest.mark.parametrize(
    "kind", ["code", "file", "folder", "check", "conftests", "imports", "packages", "python", "programs"]
)
def test_every_kind_of_dependency_can_be_compared_and_named(root, kind):
    look = Look(root, PYTHON, {}, Contents())
    assert look.stale(Dependency(kind, str(root / "x"), "another"))


def test_a_test_that_reads_all_variables_does_not_depend_on_those_of_the_shell(memory, learn):
    learn(a={"variables": ["*", "OLDPWD", "MODE"]}, env={"OLDPWD": "/a", "MODE": "a"})
    assert memory(OLDPWD="/b", MODE="a").plan().skip == {"a.py::test"}
    assert memory(OLDPWD="/b", MODE="b").plan().changes == ("$MODE",)


def test_what_everything_depends_on_stays_known_after_a_run_of_some(root, memory, learn):
    for name in "abc":
        (root / name).write_text("1")
    learn(everywhere={"files": [str(root / "a")]}, a={"files": [str(root / "b")]}, b={})
    (root / "b").write_text("22")
    learn(everywhere={"files": [str(root / "c")]}, a={"files": [str(root / "b")]})
    assert memory().plan() == RerunPlan((), frozenset({"a.py::test", "b.py::test"}), ())

    for name in "ac":
        (root / name).write_text("22")
        assert memory().plan().reasons == (name,)
        (root / name).write_text("1")


def test_why_a_test_runs_again_is_named(root, memory, learn):
    for name in "ab":
        (root / name).write_text("1")
    learn(a={"files": [str(root / "a")]}, b={"files": [str(root / "b")]})
    (root / "a").write_text("22")
    assert memory().plan() == RerunPlan((), frozenset({"b.py::test"}), ("a",))


def test_a_test_that_passes_again_is_not_a_failed_one_any_more(memory, learn):
    learn(a={}, failed="a")
    learn(a={})
    assert memory().plan().skip == {"a.py::test"}
