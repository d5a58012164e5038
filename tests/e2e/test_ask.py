"""The installed command, as people and scripts run it."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from parts import warm

pytestmark = pytest.mark.e2e
SAMPLEMIND = Path(sys.executable).parent / "samplemind"
LINE = "x" * 99


@pytest.fixture
def run(tmp_path):
    def samplemind(*argv, **env):
        return subprocess.run(
            [SAMPLEMIND, *argv],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **env},
            timeout=60,
        )

    return samplemind


@pytest.fixture
def start(tmp_path):
    started = []

    def samplemind(*argv, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        started.append(subprocess.Popen([SAMPLEMIND, *argv], cwd=tmp_path, **options))
        return started[-1]

    yield samplemind
    for process in started:
        process.kill()
        process.communicate()


def test_an_answer_is_all_there_is_on_stdout(run, mock_server):
    done = run("ask", "hi")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"You said: hi\n", b"")
    assert len(mock_server.requests) == 1


def test_python_m_is_the_same_command(mock_server, tmp_path):
    argv = [sys.executable, "-m", "samplemind_cli", "ask", "hi"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path, check=True)

    assert done.stdout == b"You said: hi\n"
    assert len(mock_server.requests) == 1


def test_words_come_as_they_are_said(start, mock_server):
    mock_server.behave(tokens_per_second=5, reply="one two three four five six seven eight nine ten")
    asking = start("ask", "hi")

    first = asking.stdout.read1(100)

    assert first.startswith(b"one")
    assert asking.poll() is None
    assert b"ten" not in first


def test_ctrl_c_is_130_hangs_up_and_caches_nothing(start, mock_server, tmp_path):
    mock_server.behave(tokens_per_second=5, reply="one two three four five six seven eight nine ten")
    asking = start("ask", "hi")
    asking.stdout.read1(100)

    asking.send_signal(signal.SIGINT)

    assert asking.wait(10) == 130
    assert asking.stderr.read() == b""
    assert mock_server.wait_until(lambda: mock_server.requests[0].hung_up, 5)
    mock_server.behave(tokens_per_second=0)
    assert json.loads(warm.run(warm.samplemind, "ask", "hi", "--json", cwd=tmp_path).stdout)["cached"] is False


@pytest.mark.parametrize("repeated", [False, True])
def test_a_closed_pipe_ends_it_quietly(start, mock_server, tmp_path, repeated):
    mock_server.behave(reply=f"{LINE}\n" * 1000)  # more than a pipe holds
    if repeated:
        warm.run(warm.samplemind, "ask", "hi", cwd=tmp_path)
    asking = start("ask", "hi")

    assert asking.stdout.readline() == f"{LINE}\n".encode()
    asking.stdout.close()

    assert asking.wait(20) == 0
    assert asking.stderr.read() == b""
    asking.stdout = None


def test_a_full_disk_is_told(start, mock_server, tmp_path):
    warm.run(warm.samplemind, "ask", "hi", cwd=tmp_path)  # the second time it is the hot path that writes
    for argv in (["--version"], ["--help"], ["ask", "hi"]):
        with Path("/dev/full").open("wb") as full:
            done = start(*argv, stdout=full)

        assert done.wait(20) == 1
        assert done.stderr.read().startswith(b"error: the disk is full: ")
    assert len(mock_server.requests) == 1


@pytest.mark.parametrize("argv", ["--version", "ask hi"])
def test_a_stdout_that_is_closed_hears_nothing_and_is_no_bug(mock_server, tmp_path, argv):
    closed = ["sh", "-c", f'exec "$0" {argv} >&-', SAMPLEMIND]
    done = subprocess.run(closed, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(mock_server.requests) == (argv != "--version")


def test_on_a_terminal_markdown_is_rendered_and_no_colour_is_honoured(mock_server, tmp_path):
    mock_server.behave(reply="# Title\n\nSome **bold** words.\n")

    def screen(**env):
        ours, theirs = pty.openpty()
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "60", **env}
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        asking = subprocess.Popen([SAMPLEMIND, "ask", "hi"], cwd=tmp_path, env=env, **streams)
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # Linux says EIO when the other side has closed
            pass
        os.close(ours)
        return asking.wait(30), seen

    code, seen = screen()
    again, seen_again = screen()
    _, plain = screen(NO_COLOR="1")

    assert (code, again) == (0, 0)
    assert b"bold" in seen
    assert b"**bold**" not in seen
    assert b"\x1b[1m" in seen
    assert b"bold" in seen_again
    assert len(mock_server.requests) == 1
    assert b"\x1b[3" not in plain


def test_no_key_is_seen_by_anyone(start, mock_server):
    mock_server.behave(latency_ms=500, faults=["401"])
    secret = "sk-verysecret-0123456789"
    env = {**os.environ, "OPENAI_API_KEY": secret}
    asking = start("ask", "hi", "--provider", "openai", "-v", env=env)
    assert mock_server.wait_until(lambda: len(mock_server.requests) == 1, 20)

    command_line = Path(f"/proc/{asking.pid}/cmdline").read_bytes() if Path("/proc").exists() else b""
    out, err = asking.communicate(timeout=30)

    assert asking.returncode == 4
    assert secret.encode() not in out + err + command_line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_each_shell(run, shell):
    done = run("--show-completion", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1", SHELL=f"/bin/{shell}")
    complete = run(_SAMPLEMIND_COMPLETE=f"source_{shell}")

    assert done.returncode in (0, 2)
    assert b"samplemind" in complete.stdout
