"""`logs` on the real engine."""

import json
import signal
import subprocess

import pytest

pytestmark = pytest.mark.e2e
SPEAK = "import time; print('INFO: one'); print('ERROR: two'); time.sleep(600)"


@pytest.fixture
def stack(project):
    stack = project({"talker": project.python(SPEAK), "redis": project.redis()})
    stack.run("up")
    return stack


def test_lines_are_told_by_service_level_and_pattern(stack):
    assert "talker   | INFO: one\ntalker   | ERROR: two\n" in stack.run("logs").out
    assert stack.run("logs", "talker", "--level", "error").out == "talker   | ERROR: two\n"
    assert stack.run("logs", "--grep", "^INFO").out == "talker   | INFO: one\n"
    assert stack.run("logs", "talker", "--tail", "1").out == "talker   | ERROR: two\n"
    assert stack.run("logs", "--since", "1970-01-01T00:00:00", "--until", "1970-01-02T00:00:00").out == ""
    line = json.loads(stack.run("logs", "talker", "-n", "1", "--json").out)
    assert (line["service"], line["level"], line["message"]) == ("talker", "error", "ERROR: two")
    assert "no such service" in stack.run("logs", "nope", code=2).err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_following_leaves_no_process_behind(stack, number, code):
    with stack.start("logs", "-f") as follower:
        assert follower.stdout.readline()
        assert stack.processes()
        follower.send_signal(number)
        assert follower.communicate(timeout=30)[1] == ""
    assert follower.returncode == code
    assert stack.processes() == []


def test_a_closed_pipe_ends_following_though_nothing_more_is_said(stack):
    with stack.start("logs", "-f", "talker") as follower:
        assert subprocess.run(["head", "-1"], stdin=follower.stdout, capture_output=True, check=True).stdout
        follower.stdout.close()
        assert follower.wait(30) == 0
        assert follower.stderr.read() == ""
    assert stack.processes() == []


def test_a_line_longer_than_the_engine_keeps_in_one_piece_comes_whole(project):
    code = "import time; print('é' * 20_000 + 'END'); print('short'); time.sleep(600)"
    stack = project({"talker": project.python(code), "terminal": project.python(code, tty=True)})
    stack.run("up")
    for service in ("talker", "terminal"):
        lines = [json.loads(line)["message"] for line in stack.run("logs", service, "--json").out.splitlines()]
        assert lines == ["é" * 20_000 + "END", "short"]


def test_a_service_whose_driver_cannot_be_read_is_named_and_the_others_are_told(project):
    silent = project.python(SPEAK, logging={"driver": "none"})
    stack = project({"talker": project.python(SPEAK), "silent": silent})
    stack.run("up")
    told = stack.run("logs")
    assert "talker   | INFO: one\n" in told.out
    assert told.err == "note: silent is left out: its logging driver, none, cannot be read\n"
    assert stack.run("logs", "talker").err == ""
    with stack.start("logs", "-f", "talker", "silent") as follower:
        assert follower.stdout.readline()
        assert follower.stderr.readline().startswith("note: silent is left out")
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=30)


@pytest.mark.parametrize("names", [{}, {"COMPOSE_COMPATIBILITY": "1"}])
def test_replicas_are_told_apart_however_their_containers_are_called(project, names):
    stack = project({"work_er-2": project.python(SPEAK, scale=2)})
    stack.env = {**stack.env, **names}
    stack.run("up")
    lines = stack.run("logs", "--level", "error").out.splitlines()
    assert sorted(line.split()[0] for line in lines) == ["work_er-2", "work_er-2-2"]
    assert [line.split()[0] for line in stack.run("ps").out.splitlines()] == ["SERVICE", "work_er-2", "work_er-2-2"]


def test_a_container_that_starts_just_after_a_follower_is_told_too_and_no_line_twice(project):
    code = "import time\nfor n in range(600): print(n, flush=True); time.sleep(0.2)"
    stack = project({"one": project.python(code), "two": project.python(code)})
    stack.compose("up", "--detach", "one")
    stack.compose("create", "two")
    with stack.start("logs", "-f", "--json") as follower:
        follower.stdout.readline()
        stack.compose("start", "two")
        lines = [json.loads(follower.stdout.readline()) for _ in range(60)]
        follower.terminate()
    for service in ("one", "two"):
        numbers = [int(line["message"]) for line in lines if line["service"] == service]
        assert numbers[:5] == list(range(numbers[0], numbers[0] + 5))
        assert len(numbers) == len(set(numbers))
