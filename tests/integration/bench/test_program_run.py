"""Programs of known cost, as `bench run` measures them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from parts.waiting import runs, until

from samplemind_cli.bench import program_run
from samplemind_cli.errors import UsageError

pytestmark = pytest.mark.integration
MEGABYTE = 1_000_000
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}], check=True)"
BUSY = "import time\nwhile time.process_time() < 0.3: pass"
LARGE = "x = bytearray(80_000_000)"


def python(code):
    return program_run.run([sys.executable, "-c", code], Path("/"))


@pytest.mark.parametrize("code", [BUSY, CHILD.format(BUSY)], ids=["itself", "its child"])
def test_the_cpu_time_is_that_of_the_program_and_its_children(code):
    used = python(code)

    assert 0.3 <= used.cpu < 1
    assert used.seconds > 0.3
    assert used.code == 0


@pytest.mark.parametrize("code", [LARGE, CHILD.format(LARGE)], ids=["itself", "its child"])
def test_the_memory_is_the_peak_of_the_largest_process(code):
    assert 80 * MEGABYTE < python(code).memory < 120 * MEGABYTE


def test_waiting_is_time_and_no_cpu_time():
    used = program_run.run(["sleep", "0.2"], Path("/"))

    assert used.seconds >= 0.2
    assert used.cpu < 0.1


def test_our_own_memory_is_not_taken_for_the_programs():
    ours = bytearray(200 * MEGABYTE)
    used = program_run.run(["true"], Path("/"))

    assert used.memory < 20 * MEGABYTE < len(ours)


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("exit 3", "ended with 3"),
        ("kill -9 $$", "was ended by SIGKILL"),
        ("kill -15 $$", "was ended by SIGTERM"),
        ("kill -13 $$", "was ended by SIGPIPE"),
    ],
)
def test_how_it_ended_is_known_and_what_it_said(command, ending):
    used, said = program_run.rehearse(["sh", "-c", f"echo thrown away; echo told >&2; {command}"], Path("/"))

    assert used.ending == ending
    assert said == "told"


def test_it_runs_in_the_folder_without_input_and_with_the_users_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OF_THE_USER", "yes")
    monkeypatch.setenv("PYTHONSTARTUP", "kept")
    test = 'test "$OF_THE_USER$PYTHONSTARTUP" = yeskept && test "$PWD" = "$1" && ! read -r line'
    used = program_run.run(["sh", "-c", test, "sh", str(tmp_path)], tmp_path)

    assert used.code == 0


@pytest.mark.parametrize(
    ("command", "words", "hint"),
    [
        (["no-such-program"], "cannot start no-such-program: No such file", "name and path"),
        (["echo a | wc"], "cannot start echo a | wc", "sh -c 'echo a | wc'"),
        (["./text"], "cannot start ./text: Exec format error", "#!/bin/sh"),
        (["./closed"], "cannot start ./closed: Permission denied", "name and path"),
    ],
)
def test_what_cannot_be_started_is_named_with_the_way_on(tmp_path, command, words, hint):
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    (tmp_path / "closed").write_text("no program")

    with pytest.raises(UsageError) as told:
        program_run.run(command, tmp_path)
    assert words in told.value.message
    assert hint in told.value.hint


@pytest.mark.parametrize(
    ("number", "code", "trap"),
    [
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
        (signal.SIGINT, 130, ""),
        (signal.SIGINT, 130, "trap '' TERM; "),  # takes ten seconds, then it is killed
    ],
)
def test_a_signal_ends_the_program_and_leaves_nothing(tmp_path, number, code, trap):
    fifo = tmp_path / "begun"
    os.mkfifo(fifo)
    command = ["bench", "run", "--save", "x", "--", "sh", "-c", f"{trap}echo $$ > {fifo}; sleep 60 & wait; wait"]
    with subprocess.Popen(
        [sys.executable, "-m", "samplemind_cli", *command], stderr=subprocess.PIPE, text=True
    ) as bench:
        sleeper = int(fifo.read_text())
        bench.send_signal(number)
        said = bench.communicate(timeout=40)[1]

    assert bench.returncode == code
    assert "Traceback" not in said
    until(lambda: not runs(sleeper))
    assert not list(Path(os.environ["HOME"]).rglob("*.json"))
