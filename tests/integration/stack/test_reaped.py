import signal
import sys
import time
from pathlib import Path

import pytest

from samplemind_cli.stack import reaped as module
from samplemind_cli.stack.reaped import reaped

pytestmark = pytest.mark.integration

SLEEP = [sys.executable, "-c", "print('on', flush=True); import time; time.sleep(600)"]


def test_it_is_ended_and_waited_for_however_the_block_is_left():
    with pytest.raises(KeyboardInterrupt), reaped(SLEEP) as child:
        raise KeyboardInterrupt
    assert child.returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_us_ends_it_first(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit, match=str(128 + number)), reaped(SLEEP) as child:
        signal.raise_signal(number)
    assert child.returncode == -signal.SIGTERM
    assert signal.getsignal(number) == before


def test_its_own_children_end_with_it_and_a_deaf_one_is_killed(monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.2)
    deaf = "trap '' TERM; sh -c 'echo $$; sleep 600'; sleep 600"
    with reaped(["sh", "-c", deaf]) as child:
        grandchild = int(child.stdout.readline())
    assert child.returncode == -signal.SIGKILL
    while runs(grandchild):
        time.sleep(0.01)


def runs(pid):
    """Whether the process is alive; one that nobody has waited for is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_has_ended_is_left_as_it_is():
    with reaped([sys.executable, "-c", "raise SystemExit(7)"]) as child:
        child.wait()
    assert child.returncode == 7
