"""The installed command, as people and scripts run it."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
HELLO = Path(__file__).with_name("hello.json")  # its answers are whole, and so cached; a new file would not be trusted
SAMPLEMIND = Path(sys.executable).parent / "samplemind"


@pytest.fixture
def run(tmp_path):
    def samplemind(*argv, piped=b"", **env):
        return subprocess.run(
            [SAMPLEMIND, *argv],
            check=False,
            input=piped,
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


def test_the_second_time_costs_nothing(run, mock_server):
    first, second = (json.loads(run("ask", "hi", "--json").stdout) for _ in range(2))

    assert (first["cached"], second["cached"]) == (False, "local")
    assert first["text"] == second["text"]
    assert len(mock_server.requests) == 1


def test_python_m_is_the_same_command(mock_server, tmp_path):
    argv = [sys.executable, "-m", "samplemind_cli", "ask", "hi"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path, check=True)

    assert done.stdout == b"You said: hi\n"
    assert len(mock_server.requests) == 1


def test_what_is_piped_in_is_part_of_the_question(run, mock_server):
    assert run("ask", "Review", piped=b"a diff").stdout == b"You said: Review a diff\n"
    assert run("ask", "Review", piped=b"another").stdout == b"You said: Review another\n"
    assert run("ask", "Review", piped=b"a diff").stdout == b"You said: Review a diff\n"
    assert len(mock_server.requests) == 2


def test_words_come_as_they_are_said(start, mock_server):
    mock_server.behave(tokens_per_second=5, reply="one two three four five six seven eight nine ten")
    asking = start("ask", "hi")

    first = asking.stdout.read1(100)

    assert first.startswith(b"one")
    assert asking.poll() is None
    assert b"ten" not in first


def test_ctrl_c_is_130_hangs_up_and_caches_nothing(start, run, mock_server):
    mock_server.behave(tokens_per_second=5, reply="one two three four five six seven eight nine ten")
    asking = start("ask", "hi")
    asking.stdout.read1(100)

    asking.send_signal(signal.SIGINT)

    assert asking.wait(10) == 130
    assert asking.stderr.read() == b""
    mock_server.wait_until(lambda: mock_server.requests[0].hung_up, 5)
    mock_server.behave(tokens_per_second=0)
    assert json.loads(run("ask", "hi", "--json").stdout)["cached"] is False


@pytest.mark.parametrize("repeated", [False, True])
def test_a_closed_pipe_ends_it_quietly(run, start, mock_server, repeated):
    mock_server.behave(reply="line\n" * 20_000)
    if repeated:
        run("ask", "hi")
    asking = start("ask", "hi")

    assert asking.stdout.readline() == b"line\n"
    asking.stdout.close()

    assert asking.wait(20) == 0
    assert asking.stderr.read() == b""
    asking.stdout = None


def test_a_full_disk_is_told(run, start, mock_server):
    run("ask", "hi")  # the second time it is the hot path that writes
    for argv in (["--version"], ["--help"], ["ask", "hi"]):
        with Path("/dev/full").open("wb") as full:
            done = start(*argv, stdout=full)

        assert done.wait(20) == 1
        assert done.stderr.read().startswith(b"error: no room to write: ")
    assert len(mock_server.requests) == 1


@pytest.mark.parametrize("argv", ["--version", "ask hi"])
def test_a_stdout_that_is_closed_hears_nothing_and_is_no_bug(mock_server, tmp_path, argv):
    closed = ["sh", "-c", f'exec "$0" {argv} >&-', SAMPLEMIND]
    done = subprocess.run(closed, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(mock_server.requests) == (argv != "--version")


def test_ten_shells_make_one_call(run, mock_server):
    mock_server.behave(latency_ms=1000)

    with ThreadPoolExecutor(10) as shells:
        done = list(shells.map(lambda _: run("ask", "hi").stdout, range(10)))

    assert done == [b"You said: hi\n"] * 10
    assert len(mock_server.requests) == 1


def test_when_the_one_that_asks_is_killed_another_takes_over(start, mock_server):
    mock_server.behave(latency_ms=1500)
    leader = start("ask", "hi")
    mock_server.wait_until(lambda: len(mock_server.requests) == 1, 20)
    follower = start("ask", "hi")
    time.sleep(0.7)  # it is waiting by now; were it not, it would still have to answer
    mock_server.behave(latency_ms=0)
    leader.kill()

    assert follower.communicate(timeout=30)[0] == b"You said: hi\n"
    assert len(mock_server.requests) == 2


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


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["ask"], 2, "there is nothing to ask"),
        (["ask", "hi", "--task", "cooking"], 2, "'cooking' is not one of"),
        (["ask", "hi", "--attach", "nowhere.png"], 2, "cannot read nowhere.png"),
        (["ask", "hi", "--schema", "nowhere.json"], 2, "cannot read nowhere.json"),
        (["ask", "hi", "--no-cache", "--refresh"], 2, "exclude each other"),
        (["ask", "hi", "--provider", "ollama"], 4, "nothing listens at http://127.0.0.1:1"),
        (["ask", "hi", "--provider", "openai"], 4, "no key"),
    ],
)
def test_each_mistake_is_one_clear_error_with_the_next_command(run, argv, code, words):
    done = run(*argv, OLLAMA_HOST="127.0.0.1:1")

    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode()
    assert done.stderr.decode().splitlines()[-1].startswith("hint: ")
    assert b"Traceback" not in done.stderr


def test_twenty_megabytes_are_answered(run, mock_server):
    done = run("ask", "--provider", "openai", piped=b"a" * 20_000_000)

    assert done.returncode == 0
    assert done.stdout.startswith(b"You said: aaa")
    assert len(mock_server.requests) == 1


def test_bytes_that_are_no_utf_8_are_answered(run, mock_server):
    done = subprocess.run([SAMPLEMIND, "ask", b"caf\xe9"], stdin=subprocess.DEVNULL, capture_output=True, check=True)

    assert done.stdout.decode() == "You said: caf\ufffd\n"
    assert run("ask", piped=b"\xff\xfe").returncode == 0
    assert len(mock_server.requests) == 2


def test_explain_asks_nobody(run, mock_server):
    done = run("ask", "hi", "--explain", "--json", "--task", "creative", ANTHROPIC_API_KEY="")

    routes = json.loads(done.stdout)["routes"]
    assert [route["provider"] for route in routes] == ["anthropic", "ollama", "gemini", "openai", "embedded"]
    assert (routes[0]["asked"], routes[0]["fix"]) == (False, "export ANTHROPIC_API_KEY=…")
    assert routes[1]["why"] == "asked first"
    assert routes[1]["key"] == json.loads(run("ask", "hi", "--json").stdout)["key"]
    assert len(mock_server.requests) == 1


def test_no_key_is_seen_by_anyone(start, mock_server):
    mock_server.behave(latency_ms=500, faults=["401"])
    secret = "sk-verysecret-0123456789"
    env = {**os.environ, "OPENAI_API_KEY": secret}
    asking = start("ask", "hi", "--provider", "openai", "-v", env=env)
    mock_server.wait_until(lambda: len(mock_server.requests) == 1, 20)

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


def test_the_embedded_model_answers_where_there_is_nothing_else(run, embedded_data_home):
    env = {"XDG_DATA_HOME": str(embedded_data_home), "OLLAMA_HOST": "127.0.0.1:1"}
    argv = ("ask", "Say hello.", "--json", "--schema", HELLO)
    done, again = run(*argv, **env), run(*argv, **env)

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["provider"], answer["text"]) == (0, "embedded", '"hello"')
    assert answer["usage"]["output_tokens"] > 0
    assert [passed["provider"] for passed in answer["passed_over"]] == ["ollama", "gemini", "anthropic", "openai"]
    assert b"a small model. Better: " in done.stderr
    assert done.stderr.count(b"\n") <= 3
    assert json.loads(again.stdout)["cached"] == "local"
    assert again.stderr == b""


def test_answers_are_shared_through_redis_and_survive_its_worst_days(run, mock_server, start_redis, tmp_path):
    redis = start_redis()
    shared = {"SAMPLEMIND_REDIS_URL": redis.url}

    def another_machine(name, prompt="hi"):
        done = run("ask", prompt, "--json", XDG_CACHE_HOME=str(tmp_path / name), **shared)
        return json.loads(done.stdout)["cached"], done.stderr.decode().count("\n")

    assert another_machine("one") == (False, 0)
    assert another_machine("two") == ("redis", 0)
    assert another_machine("two") == ("local", 0)
    redis.client.flushall()
    assert another_machine("three") == (False, 0)
    redis.freeze()
    assert another_machine("four") == (False, 1)
    redis.thaw()
    redis.kill()
    assert another_machine("five") == (False, 1)
    assert len(mock_server.requests) == 4
