"""`samplemind test` on a small project: pytest's own exit codes, and the loop that waits for a change."""

import os
import pty
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


def test_workers_run_what_nobody_has_timed_yet_one_process_what_is_quick_and_what_failed(project):
    first = run(project, PYTHONDONTWRITEBYTECODE="1")
    assert first.returncode == 1
    assert "in parallel" in first.stderr
    assert "PYTHONDONTWRITEBYTECODE has every worker compile all it imports anew\n" in first.stderr
    again = run(project, "--failed", PYTHONDONTWRITEBYTECODE="1")
    assert again.returncode == 1
    assert "1 failed" in again.stdout
    assert "in one process" in again.stderr
    assert "PYTHONDONTWRITEBYTECODE" not in again.stderr
    assert "in one process" in run(project).stderr
    assert "in one process" in run(project, "-k", " or ".join(["good"] * 50)).stderr  # longer than a file's name may be


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
    assert "cannot remember this run in /dev/null/samplemind/tests/" in done.stderr
    done = run(project, "--changed", XDG_STATE_HOME="/dev/null")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: export XDG_STATE_HOME=" in done.stderr


def test_hypothesis_is_imported_at_the_end_only_where_it_has_something_to_say(project):
    (project / "pytest.ini").write_text(INI.replace("-p no:hypothesispytest ", ""))
    end = "import sys\ndef pytest_unconfigure():\n    print('imported:', 'hypothesis' in sys.modules)\n"
    (project / "conftest.py").write_text(end)
    assert "imported: False" in run(project, "--serial", "test_it.py::test_good").stdout
    done = run(project, "--serial", "test_it.py::test_good", "--hypothesis-show-statistics")
    assert "Hypothesis Statistics" in done.stdout
    assert "imported: True" in done.stdout


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
        os.write(ours, b"q")
        assert watching.wait(30) == 1
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
