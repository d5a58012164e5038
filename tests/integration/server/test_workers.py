"""The processes of `serve --workers`, whatever happens at the same moment."""

import os
import signal
import subprocess
import sys

import pytest
from parts.waiting import runs, until

pytestmark = pytest.mark.integration
PROGRAM = """
import os, sys, time
from samplemind_cli.server import workers

def work():
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)

workers.SOON = float(sys.argv[1])
sys.exit(workers.run(3, work))
"""


@pytest.fixture
def run():
    """Start three workers; the process, and those it has told of so far."""
    started = []

    def run(soon=0.0, before=""):
        command = ["bash", "-c", f'{before} exec "$@"', "-", sys.executable, "-c", PROGRAM, str(soon)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1], [int(started[-1].stdout.readline()) for _ in range(3)]

    yield run
    for process in started:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_them_all_also_while_one_is_being_replaced(run, number):
    for _ in range(5):
        process, pids = run()
        os.kill(pids[0], signal.SIGKILL)
        process.send_signal(number)
        rest = [int(pid) for pid in process.communicate(timeout=20)[0].split()]  # its end, and that of every worker
        assert process.returncode == 0
        assert not any(map(runs, pids + rest))


def test_one_that_dies_is_replaced_and_one_that_dies_at_once_ends_the_others(run):
    process, pids = run()
    os.kill(pids[0], signal.SIGKILL)
    assert int(process.stdout.readline()) not in pids

    process, pids = run(soon=60)
    os.kill(pids[0], signal.SIGKILL)
    assert process.wait(20) == 1
    until(lambda: not any(map(runs, pids)))


def test_they_do_not_outlive_the_one_that_started_them(run):
    process, pids = run()
    process.kill()
    until(lambda: not any(map(runs, pids)))


def test_under_nohup_a_terminal_that_closes_ends_nothing(run):
    process, pids = run(before="trap '' HUP;")
    for pid in (process.pid, *pids):
        os.kill(pid, signal.SIGHUP)
    os.kill(pids[0], signal.SIGKILL)
    assert int(process.stdout.readline()) not in pids  # all is as it was
    assert all(map(runs, pids[1:]))
