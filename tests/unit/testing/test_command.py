from pathlib import Path

import pytest

from samplemind_cli.child.python import Python
from samplemind_cli.errors import UsageError
from samplemind_cli.testing.command import (
    RunOptions,
    again,
    check,
    must_be_serial,
    parallel_given,
    pytest_argv,
    selection,
    shard,
    with_addopts,
    workers_of_project,
)
from samplemind_cli.testing.project import Project

ALL_PLUGINS = {"pytest": "9.0", "pytest-xdist": "3.8", "pytest-cov": "7.0"}
START = ["/venv/python", "-m", "pytest", "-p", "samplemind_observer", "--samplemind-record=R"]


def project(markers=("fast", "slow"), addopts=()):
    return Project(Path("/p"), None, frozenset(markers), tuple(addopts))


def argv(*arguments, of=None, parallel=True, versions=ALL_PLUGINS, env=None, **options):
    python = Python(Path("/venv/python"), "a test", versions)
    asked = RunOptions(arguments=arguments, **options)
    words = pytest_argv(with_addopts(of or project(), env or {}), python, asked, parallel=parallel, record="R", env=env)
    assert words[: len(START)] == START
    return words[len(START) :]


def test_the_fast_tests_run_in_parallel_by_whole_files():
    assert argv() == ["-m", "fast", "-n", "auto", "--dist", "loadfile"]


def test_one_process_is_said_to_xdist_since_the_project_may_ask_for_more():
    assert argv(parallel=False) == ["-m", "fast", "-n", "0"]


@pytest.mark.parametrize("words", [("-n", "3"), ("-n3",), ("--numprocesses=3",)])
def test_a_number_of_workers_that_was_given_stands(words):
    assert argv(*words) == ["-m", "fast", *words]


def test_the_project_s_own_workers_and_distribution_stand():
    assert argv(of=project(addopts=["-n", "4", "--dist=worksteal"])) == ["-m", "fast"]


def test_without_xdist_no_option_of_it_is_used():
    assert argv(versions={"pytest": "8.0"}) == ["-m", "fast"]


def test_without_a_fast_marker_the_declared_slow_kinds_are_left_out():
    assert argv(of=project(["slow", "e2e", "other"]), parallel=False)[:2] == ["-m", "not slow and not e2e"]


def test_without_markers_there_is_no_filter():
    assert argv(of=project([]), parallel=False) == ["-n", "0"]


def test_the_project_s_own_filter_stands_when_no_marker_is_called_fast():
    assert argv(of=project(["slow"], addopts=["-m", "not slow"]), parallel=False) == ["-n", "0"]


def test_all_lifts_the_project_s_own_filter_too():
    assert argv(of=project(["slow"], addopts=["-m", "not slow"]), parallel=False, all=True) == ["-m", "", "-n", "0"]


@pytest.mark.parametrize("named", ["tests/test_a.py", "tests/test_a.py::test_b"])
def test_a_named_file_or_test_runs_whatever_its_markers(named):
    assert argv(named, parallel=False) == ["-m", "", "-n", "0", named]


def test_a_named_folder_keeps_the_filter():
    assert argv("tests/unit", parallel=False) == ["-m", "fast", "-n", "0", "tests/unit"]


def test_a_given_filter_stands():
    assert argv("-m", "slow", parallel=False) == ["-n", "0", "-m", "slow"]


def test_failed_means_all_that_failed_and_nothing_if_nothing_did():
    assert argv(failed=True, parallel=False) == ["-m", "", "--last-failed", "--last-failed-no-failures=none", "-n", "0"]


def test_changed_has_our_plugin_watch_and_keeps_coverage_out():
    words = argv("-k", "a", changed=True, parallel=False)
    assert words == ["-m", "fast", "--samplemind-watch", "--no-cov", "-n", "0", "-k", "a"]


def test_changed_needs_no_coverage_to_be_installed():
    words = argv(changed=True, parallel=False, versions={**ALL_PLUGINS, "pytest-cov": None})
    assert words == ["-m", "fast", "--samplemind-watch", "-n", "0"]


@pytest.mark.parametrize(
    ("addopts", "env", "arguments"),
    [
        (("-p", "no:xdist"), {}, ()),
        (("-pno:xdist",), {}, ()),
        ((), {"PYTEST_ADDOPTS": "-p no:xdist"}, ()),
        ((), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, ()),
        (("--disable-plugin-autoload",), {}, ()),
        ((), {}, ("-p", "no:xdist")),
    ],
)
def test_where_xdist_is_not_loaded_pytest_gets_none_of_its_options(addopts, env, arguments):
    words = argv(*arguments, of=project(addopts=addopts), parallel=False, env=env)
    assert words == ["-m", "fast", *arguments]


@pytest.mark.parametrize(
    ("addopts", "env"),
    [(("-p", "xdist"), {}), (("-pxdist.plugin",), {}), ((), {"PYTEST_PLUGINS": "xdist.plugin"})],
)
def test_xdist_that_is_loaded_by_name_gets_its_options(addopts, env):
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
    assert argv(of=project(addopts=addopts), parallel=False, env=env) == ["-m", "fast", "-n", "0"]


@pytest.mark.parametrize(
    ("words", "asks"),
    [(("-n", "0"), False), (("-n0",), False), (("-n1",), False), (("-n2", "-n0"), False), (("-nauto",), True)],
)
def test_one_process_that_is_asked_for_is_no_wish_for_workers(words, asks):
    assert workers_of_project(project(addopts=words)) == asks
    assert parallel_given(RunOptions(arguments=words)) == asks


def test_a_second_run_of_what_failed_leaves_out_workers_and_the_junit_file():
    words = ("-n", "auto", "-k", "a", "--dist=loadfile", "--junit-xml", "j.xml", "--junitxml=k.xml", "-n4", "-x")
    assert again(RunOptions(arguments=words), keep_reports=False).arguments == ("-k", "a", "-x")
    assert "--junitxml=k.xml" in again(RunOptions(arguments=words), keep_reports=True).arguments


def test_a_shard_is_k_of_n():
    assert shard("2/3") == (2, 3)
    for wrong in ("0/3", "4/3", "2", "a/b", "1/0", "-1/2", "1/2/3"):
        with pytest.raises(UsageError, match="--shard"):
            shard(wrong)


@pytest.mark.parametrize("word", ["--cov", "--cov=shop", "--cov-branch", "--no-testmon", "--testmon-nocollect"])
def test_changed_refuses_with_a_reason_what_would_make_it_unsafe(word):
    with pytest.raises(UsageError, match="--changed") as caught:
        check(RunOptions(changed=True, arguments=(word,)))
    assert caught.value.hint
    check(RunOptions(arguments=(word,)))


def test_changed_refuses_failed_which_it_includes():
    with pytest.raises(UsageError, match="failed tests again"):
        check(RunOptions(changed=True, failed=True))


@pytest.mark.parametrize("word", ["-s", "--pdb", "--collect-only", "--benchmark-only"])
def test_some_arguments_need_one_process(word):
    assert must_be_serial(RunOptions(arguments=(word,)))
    assert not must_be_serial(RunOptions(arguments=("-x",)))


def test_how_tests_run_does_not_change_which_are_selected():
    plain = selection(project(), RunOptions())
    loud = ("-x", "-vv", "-rA", "-n2", "--tb=short", "--maxfail=3", "--junit-xml=a.xml", "--durations=3")
    assert selection(project(), RunOptions(arguments=loud, changed=True, serial=True)) == plain


@pytest.mark.parametrize(
    "other",
    [
        RunOptions(all=True),
        RunOptions(failed=True),
        RunOptions(arguments=("-k", "a")),
        RunOptions(arguments=("x",)),
        RunOptions(shard=(1, 2)),
        RunOptions(rerun_from="j.xml"),
    ],
)
def test_what_narrows_the_tests_makes_another_selection(other):
    assert selection(project(), other) != selection(project(), RunOptions())
