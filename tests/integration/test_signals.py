"""A signal ends a command as Ctrl-C does, with a code of its own."""

import os
import shlex
import signal
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration
ASK = [sys.executable, "-m", "samplemind_cli", "ask", "--provider", "openai", "hi"]


@pytest.fixture
def asking():
    """A function that starts `ask` and returns it while it waits for its answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    env = {**os.environ, "OPENAI_API_KEY": "made-up", "OPENAI_BASE_URL": url}
    connections = []

    def start(before=""):
        command = ["sh", "-c", f"{before} exec {shlex.join(ASK)}"]
        ask = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connections.append(listener.accept()[0])
        return ask

    yield start
    for one in (listener, *connections):
        one.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_an_answer_that_is_waited_for_is_given_up_in_silence(asking, number, code):
    with asking() as ask:
        ask.send_signal(number)
        assert ask.communicate(timeout=30) == ("", "")
    assert ask.returncode == code


def test_under_nohup_a_terminal_that_closes_ends_nothing(asking):
    with asking(before="trap '' HUP;") as ask:
        ask.send_signal(signal.SIGHUP)
        ask.send_signal(signal.SIGTERM)
        ask.communicate(timeout=30)
    assert ask.returncode == 143


@pytest.mark.parametrize("module", ["typer", "samplemind_cli.cli", "samplemind_cli.commands.stats"])
def test_ctrl_c_while_modules_load_is_silent_too(module):
    code = f"""
import sys
from samplemind_cli.__main__ import main
class Pressed:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
sys.argv = ["samplemind", "stats"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
