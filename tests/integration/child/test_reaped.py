import signal
import subprocess
import sys

import pytest
from parts.waiting import runs, until

from samplemind_cli.child import reaped as module
from samplemind_cli.child.reaped import reaped

pytestmark = pytest.mark.integration

SLEEP = [sys.executable, "-c", "print('on', flush=True); import time; time.sleep(600)"]


def test_it_is_ended_and_waited_for_however_the_block_is_left():
    with pytest.raises(KeyboardInterrupt), reaped(SLEEP) as child:
        raise KeyboardInterrupt
    assert child.returncode == -signal.SIGTERM


def test_its_own_children_end_with_it_and_a_deaf_one_is_killed(monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.2)
    deaf = "trap '' TERM; sh -c 'echo $$; sleep 600'; sleep 600"
    with reaped(["sh", "-c", deaf]) as child:
        grandchild = int(child.stdout.readline())
    assert child.returncode == -signal.SIGKILL
    until(lambda: not runs(grandchild))


def test_what_has_ended_is_left_as_it_is():
    with reaped([sys.executable, "-c", "raise SystemExit(7)"]) as child:
        child.wait()
    assert child.returncode == 7


def test_an_interrupt_while_it_is_being_started_ends_it_too(monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), reaped(SLEEP):
        pass

    assert started[0].returncode == -signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
