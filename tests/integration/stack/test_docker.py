import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.stack import docker

pytestmark = pytest.mark.integration

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"


def python(program):
    return [sys.executable, "-c", program]


@pytest.fixture
def daemon(monkeypatch):
    """Put a Python program where the daemon would be asked for its version, almost at once."""

    def daemon(program):
        monkeypatch.setattr(docker, "PATIENCE", 0.1)
        monkeypatch.setattr(docker, "SILENCE", 0.5)
        monkeypatch.setattr(docker, "docker_command", lambda *_: python(program))

    return daemon


def outcome(command):
    """What it says, or the error it ends with, as the commands of the stack read one."""
    with docker.attended(command) as child:
        said = child.stdout.read().decode()
        if child.wait() != 0:
            raise docker.failure(said)
    return said


def test_a_command_that_waits_for_a_silent_daemon_ends_with_the_reason(daemon):
    daemon(DEAF)
    with pytest.raises(StackError, match="the Docker daemon does not answer"):
        outcome(python(DEAF))


def test_a_command_that_takes_its_time_is_left_alone_while_the_daemon_answers(daemon):
    daemon("print('26.1')")
    assert outcome(python("import time; time.sleep(1); print('done')")) == "done\n"


def test_a_command_that_fails_while_the_daemon_is_asked_says_its_own_reason(daemon):
    daemon(DEAF)
    with pytest.raises(StackError, match="the disk is full"):
        outcome(python("import time; time.sleep(0.3); raise SystemExit('no space left on device')"))


def interrupted(command):
    """How the command ends that is left with Ctrl-C while the daemon is asked."""
    with suppress(KeyboardInterrupt), docker.attended(command) as child:
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.3)
        raise KeyboardInterrupt
    return child.returncode


def test_leaving_early_ends_the_command_and_waits_for_no_daemon(daemon):
    daemon(DEAF)
    assert interrupted(python("import time; time.sleep(600)")) == -signal.SIGTERM
