"""`samplemind test` on a small project: pytest's own exit codes, and the loop that waits for a change."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios

import pytest
from parts import warm
from parts.waiting import until

pytestmark = pytest.mark.integration

# Without the plugins of this environment that a small project has no use for: each run would import them.
INI = """[pytest]
addopts = -p no:hypothesispytest -p no:anyio -p no:schemathesis -p no:pytest_cov -p no:testmon
markers =
    slow: seconds
"""
TESTS = """
import pytest
def test_good():
    pass
def test_bad():
    assert False
@pytest.mark.slow
def test_slow():
    pass
"""
COMMAND = (sys.executable, "-m", "samplemind_cli", "test")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "deep").mkdir()
    return tmp_path


def run(folder, *arguments, **env):
    return warm.run(warm.test, *arguments, cwd=folder, env={**os.environ, **env})


def test_the_project_is_found_from_a_folder_inside_it_and_its_slow_tests_are_left_out(project):
    done = run(project / "deep", "--serial", "../test_it.py::test_good", f"--junit-xml={project}/junit.xml")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True)
    assert 'tests="1"' in (project / "junit.xml").read_text()
    done = run(project / "deep", "--serial")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 deselected" in done.stdout


def test_one_process_runs_what_nobody_has_seen_in_parallel_and_workers_what_ended_alike(project):
    slow = TESTS.replace("    pass", "    __import__('time').sleep(2)", 1)
    for name in "ab":
        (project / f"test_{name}.py").write_text(slow)
    alone = run(project, "--all", PYTHONDONTWRITEBYTECODE="1")
    assert (alone.returncode, "in one process" in alone.stderr) == (1, True)
    assert "in one process" in run(project, "--all", "-k", "not it").stderr
    given = run(project, "--all", "-n2", PYTHONDONTWRITEBYTECODE="1")
    assert "3 failed in parallel; the same in one process:\n" in given.stderr
    assert (given.returncode, "3 failed, 6 passed" in given.stdout, "3 failed" in given.stdout) == (1, True, True)
    again = run(project, "--all", PYTHONDONTWRITEBYTECODE="1")
    assert ("in parallel" in again.stderr) == (os.cpu_count() > 1)
    failed = run(project, "--failed")
    assert (failed.returncode, "in one process" in failed.stderr) == (1, True)
    assert "in one process" in run(project, "-k", " or ".join(["good"] * 50)).stderr  # longer than a file's name may be


def test_what_fails_only_in_parallel_is_no_failure_and_is_named(project, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of the worker that this test runs in
    (project / "test_it.py").write_text(
        "import os\ndef test_alone():\n    assert 'PYTEST_XDIST_WORKER' not in os.environ\ndef test_good():\n    pass\n"
    )
    junit = f"--junit-xml={project}/j.xml"
    done = run(project, "-n2", junit)
    assert done.returncode == 0
    assert "fails only in parallel: test_it.py::test_alone\n" in done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    (project / "test_it.py").write_text((project / "test_it.py").read_text() + "def test_bad():\n    assert False\n")
    done = run(project, "-n2", junit)
    assert done.returncode == 1
    assert "fails only in parallel: test_it.py::test_alone\n" in done.stderr
    assert "1 failed, 1 passed, 1 deselected" in done.stdout


def test_with_x_too_what_fails_in_parallel_is_run_again_in_one_process(project, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    alone = "import os\ndef test_alone():\n    assert 'PYTEST_XDIST_WORKER' not in os.environ\n"
    (project / "test_it.py").write_text(alone)
    done = run(project, "-n2", "-x")
    assert (done.returncode, "in one process:" in done.stderr) == (0, True)
    (project / "test_it.py").write_text(alone + "def test_bad():\n    assert False\n")
    assert run(project, "-n2", "-x").returncode == 1  # as pytest says it of one process


def test_parameters_out_of_a_set_pass_in_parallel_too(project):
    (project / "pytest.ini").write_text(INI.replace("addopts =", "addopts = -n 2"))
    names = "{'john', 'kate', 'alfred', 'paul', 'mary', 'zoe'}"
    (project / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.parametrize('n', {names})\ndef test_n(n):\n    pass\n"
    )
    with subprocess.Popen(
        [*COMMAND], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        said, _ = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert "6 passed" in said


@pytest.mark.parametrize(
    ("addopts", "env"),
    [(" -p no:xdist", {}), ("", {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}), ("", {"PYTEST_ADDOPTS": "-p no:xdist"})],
)
def test_where_pytest_knows_no_workers_one_process_runs_the_tests(project, addopts, env):
    (project / "pytest.ini").write_text(INI.replace("addopts =", f"addopts ={addopts}"))
    for how in ([], ["--serial"], ["--changed"]):
        done = run(project, *how, "test_it.py::test_good", **env)
        assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_shards_hold_every_test_once_also_one_after_another_and_by_recorded_durations(project):
    (project / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(7))\ndef test_n(n):\n    pass\n"
    )
    for _ in range(2):
        passed = []
        for number in (1, 2, 3):
            done = run(project, "--shard", f"{number}/3", "-v")
            assert (done.returncode, f"shard {number} of 3" in done.stderr) == (0, True)
            passed += [line.split()[0] for line in done.stdout.splitlines() if "PASSED" in line]
        assert sorted(passed) == [f"test_it.py::test_n[{n}]" for n in range(7)]
        run(project, "-q")  # records durations
    assert run(project, "--shard", "9/9", "-k", "test_n and 1").returncode == 0
    assert run(project, "--shard", "4/3").returncode == 2


def test_shards_are_a_partition_whatever_each_machine_remembers(project):
    (project / "test_it.py").write_text(
        "import pytest, time\n@pytest.mark.parametrize('n', range(7))\ndef test_n(n):\n    time.sleep(n == 2 and 0.3)\n"
    )
    first, second = ({"XDG_STATE_HOME": str(project / name)} for name in ("a", "b"))
    run(project, "-q", **first)  # the other machine knows nothing
    told = run(project, "--store-durations", "-q", **first).stderr
    for stored in (True, False):
        cuts, passed = set(), []
        for number, machine in ((1, first), (2, second)):
            done = run(project, "--shard", f"{number}/2", "-v", **machine)
            assert ("by .test_durations" in done.stderr) is stored
            cuts.add(re.search(r"split by (\w+);", done.stderr)[1])
            passed.append([line.split()[0] for line in done.stdout.splitlines() if "PASSED" in line])
        assert sorted(passed[0] + passed[1]) == [f"test_it.py::test_n[{n}]" for n in range(7)]
        assert len(cuts) == 1
        if stored:
            assert sorted(map(len, passed)) == [1, 6]  # by durations
            (project / ".test_durations").unlink()
    assert f"wrote {project}/.test_durations" in told


@pytest.mark.parametrize("own", ["--failed", "--lf", "--last-failed", "--sw"])
def test_a_shard_of_what_one_machine_remembers_is_refused(project, own):
    done = run(project, "--shard", "1/2", own)
    assert (done.returncode, "each machine remembers different failures" in done.stderr) == (2, True)


def test_what_failed_by_a_junit_file_runs_again(project):
    (project / "test_it.py").write_text(
        TESTS + "@pytest.mark.parametrize('n', ['a.b', '[x::y]'])\ndef test_p(n):\n    assert 0\n"
    )
    run(project, "--all", "--serial", f"--junit-xml={project}/j.xml")
    (project / "test_it.py").write_text((project / "test_it.py").read_text().replace("assert 0", "assert 1"))
    done = run(project / "deep", "--all", "--rerun-from", "../j.xml")
    assert (done.returncode, "1 failed, 2 passed, 2 deselected" in done.stdout) == (1, True), done.stdout
    (project / "test_it.py").write_text("def test_good():\n    pass\n")
    done = run(project, "--rerun-from", "j.xml")
    assert "not among the tests here: test_it.test_bad, " in done.stderr
    run(project, "--serial", f"--junit-xml={project}/j.xml")
    done = run(project, "--rerun-from", "j.xml")
    assert (done.returncode, "nothing failed in" in done.stderr) == (0, True)


def test_nothing_is_five_and_coverage_knows_the_project_alone(project):
    (project / "pytest.ini").write_text(INI.replace(" -p no:pytest_cov", ""))
    done = run(project, "--cov", "--all", "--serial", "-k", "absent")
    assert done.returncode == 5
    assert "test_it.py" in done.stdout
    assert "samplemind_observer" not in done.stdout


def test_a_file_that_is_named_needs_one_process_and_one_that_is_absent_is_pytest_s_error(project):
    done = run(project, "absent.py")
    assert done.returncode == 4
    assert "in one process" in done.stderr
    assert "not found: absent.py" in done.stderr + done.stdout


def test_where_nothing_can_be_remembered_the_tests_run_and_the_exit_code_is_theirs(project):
    done = run(project, "--serial", "test_it.py::test_good", XDG_STATE_HOME="/dev/null")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True)
    assert "cannot record this run in /dev/null/samplemind/tests/" in done.stderr
    done = run(project, "--changed", XDG_STATE_HOME="/dev/null")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: export XDG_STATE_HOME=" in done.stderr


def test_watching_runs_again_after_a_change_until_it_is_interrupted(project):
    told = project / "told"  # a file of the project's, as of `samplemind test --watch 2>told`

    def rewrite(text):  # at once: a look in between would find two changes
        new = project.with_name(f"{project.name}.new")
        new.write_text(text)
        new.replace(project / "test_it.py")

    def waits(times, after=""):
        until(lambda: (said := told.read_text()).count("waiting for a change") == times and after in said)

    watching = warm.Program(warm.test, "--watch", "--serial", stderr=told, cwd=project)
    try:
        until(told.exists)
        waits(1)
        rewrite(TESTS + "(")  # pytest ends with 2, as if it was interrupted
        waits(2)
        rewrite(TESTS.replace("False", "True"))
        waits(3, "\nchanged: test_it.py\n")
        watching.send_signal(signal.SIGINT)
        assert watching.outcome()[0] == 0
        assert "told" not in told.read_text()
    finally:
        watching.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("running", [True, False])
def test_watching_ends_by_a_signal_within_a_second_even_where_a_test_ignores_it(project, number, running):
    ignores = (
        "import signal, sys, time\ndef test_long():\n    for n in (15, 1):\n        signal.signal(n, signal.SIG_IGN)\n"
    )
    (project / "test_it.py").write_text(
        ignores + "    print('began', flush=True)\n    time.sleep(60)\n" if running else "def test():\n    pass\n"
    )
    told = "began" if running else "waiting for a change"
    with subprocess.Popen(
        [*COMMAND, "--watch", "--serial", "-s"], cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as watching:  # fmt: skip
        assert any(told in line for line in iter(watching.stdout.readline, ""))
        watching.send_signal(number)
        assert watching.wait(20) == 128 + number


def test_a_key_chooses_what_runs_next_and_the_terminal_stays_what_it_was(project):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    # The leader of a new session that opens a terminal has it, in the foreground.
    shell = ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(theirs)]
    with subprocess.Popen(
        [*shell, *COMMAND, "--watch", "--serial"], cwd=project, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        lines = iter(watching.stderr.readline, "")
        assert any("waiting for a change; Enter: again" in line for line in lines)
        os.write(ours, b"xf")
        assert any("tests that failed last" in line for line in lines)
        assert any("waiting for a change" in line for line in lines)
        os.write(ours, b"t")
        assert any("part of the name" in line for line in lines)
        os.write(ours, b"goof\x7fd\n")
        assert any("only -k 'good'" in line for line in lines)
        os.write(ours, b"p")
        assert any("path (empty: all)" in line for line in lines)
        os.write(ours, b"test_it.py\n")
        assert any("only test_it.py; only -k 'good'" in line for line in lines)
        os.write(ours, b"c")
        assert any("all of them run" in line for line in lines)
        assert any("waiting for a change" in line for line in lines)
        os.write(ours, b"q")
        assert watching.wait(30) == 0
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_an_interrupt_reaches_pytest_and_the_exit_code_is_its_own(project):
    (project / "test_it.py").write_text(
        "import time, sys\ndef test_long():\n    print('began', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [*COMMAND, "--serial", "-s"], cwd=project, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as running:
        assert any("began" in line for line in iter(running.stderr.readline, ""))
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 2
