"""`ask` on its own, to its end: what it prints, says and asks."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from parts import warm

pytestmark = pytest.mark.integration
HELLO = Path(__file__).with_name("hello.json")  # its answers are whole, and so cached; a new file would not be trusted


@pytest.fixture
def run(tmp_path):
    def samplemind(*argv, piped=b"", **env):
        return warm.run(warm.samplemind, *argv, cwd=tmp_path, env={**os.environ, **env}, stdin=piped)

    return samplemind


def test_the_second_time_costs_nothing(run, mock_server):
    first, second = (json.loads(run("ask", "hi", "--json").stdout) for _ in range(2))

    assert (first["cached"], second["cached"]) == (False, "local")
    assert first["text"] == second["text"]
    assert len(mock_server.requests) == 1


def test_what_an_answer_cost_is_told_and_a_repetition_costs_nothing(run, mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    (tmp_path / "samplemind").mkdir()
    (tmp_path / "samplemind" / "prices.toml").write_text('["openai/any"]\ninput = 1000\noutput = 2000\n')
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    asked = ("ask", "-m", "openai/any", "hi")

    first, again = (json.loads(run(*asked, "--json", **home).stdout) for _ in range(2))
    assert first["cost"] == pytest.approx((first["usage"]["input_tokens"] * 1000 + 3 * 2000) / 1e6)
    assert again["cost"] == 0
    assert f", ${first['cost']:.6f}" in run(*asked, "-v", "--refresh", **home).stderr
    assert "$" not in run("ask", "-m", "ollama/any", "hi", "-v", **home).stderr


def test_the_price_list_is_loaded_for_who_wants_to_know_alone(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    def loaded(*argv):
        command = [sys.executable, "-X", "importtime", "-m", "samplemind_cli", "ask", "-m", "openai/any", *argv]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=True, text=True, stdin=subprocess.DEVNULL
        )
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert loaded("hi").isdisjoint({"genai_prices", "samplemind_cli.ledger", "sqlite3"})
    assert "genai_prices" in loaded("ho", "--json")


def test_what_is_piped_in_is_part_of_the_question(run, mock_server):
    assert run("ask", "Review", piped=b"a diff").stdout == "You said: Review a diff\n"
    assert run("ask", "Review", piped=b"another").stdout == "You said: Review another\n"
    assert run("ask", "Review", piped=b"a diff").stdout == "You said: Review a diff\n"
    assert len(mock_server.requests) == 2


def test_ten_shells_make_one_call(tmp_path, mock_server):
    mock_server.behave(latency_ms=600)

    shells = [warm.Program(warm.samplemind, "ask", "hi", stderr=tmp_path / "stderr") for _ in range(10)]

    assert [shell.outcome() for shell in shells] == [(0, "You said: hi\n")] * 10
    assert len(mock_server.requests) == 1


def test_when_the_one_that_asks_is_killed_another_takes_over(tmp_path, mock_server):
    mock_server.behave(latency_ms=1500)
    leader = warm.Program(warm.samplemind, "ask", "hi", stderr=tmp_path / "stderr")
    assert mock_server.wait_until(lambda: len(mock_server.requests) == 1, 20)
    follower = warm.Program(warm.samplemind, "ask", "hi", stderr=tmp_path / "stderr")
    time.sleep(0.5)  # it is waiting by now; were it not, it would still have to answer
    mock_server.behave(latency_ms=0)
    leader.end()

    assert follower.outcome() == (0, "You said: hi\n")
    assert len(mock_server.requests) == 2


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["ask"], 2, "there is nothing to ask"),
        (["ask", "hi", "--task", "cooking"], 2, "'cooking' is not one of"),
        (["ask", "hi", "--attach", "nowhere.png"], 2, "cannot read nowhere.png"),
        (["ask", "hi", "--schema", "nowhere.json"], 2, "cannot read nowhere.json"),
        (["ask", "hi", "--no-cache", "--refresh"], 2, "exclude each other"),
        (["ask", "hi", "--ttl", "nan"], 2, "must be a finite number"),
        (["ask", "hi", "--temperature", "nan"], 2, "must be a finite number"),
        (["ask", "hi", "--provider", "ollama"], 4, "nothing listens at http://127.0.0.1:1"),
        (["ask", "hi", "--provider", "openai"], 4, "no key"),
    ],
)
def test_each_mistake_is_one_clear_error_with_the_next_command(run, argv, code, words):
    done = run(*argv, OLLAMA_HOST="127.0.0.1:1")

    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hint: ")
    assert "Traceback" not in done.stderr


def test_twenty_megabytes_are_answered(run, mock_server):
    done = run("ask", "--provider", "openai", piped=b"a" * 20_000_000)

    assert done.returncode == 0
    assert done.stdout.startswith("You said: aaa")
    assert len(mock_server.requests) == 1


def test_bytes_that_are_no_utf_8_are_answered(run, mock_server):
    assert run("ask", os.fsdecode(b"caf\xe9")).stdout == "You said: caf\ufffd\n"
    assert run("ask", piped=b"\xff\xfe").returncode == 0
    assert len(mock_server.requests) == 2


def test_explain_asks_nobody(run, mock_server):
    url = "http://me:secret@127.0.0.1:1"
    done = run("ask", "hi", "--explain", "--json", "--task", "creative", ANTHROPIC_API_KEY="", GEMINI_BASE_URL=url)

    routes = json.loads(done.stdout)["routes"]
    assert [route["provider"] for route in routes] == ["anthropic", "ollama", "gemini", "openai", "embedded"]
    assert (routes[0]["asked"], routes[0]["fix"]) == (False, "export ANTHROPIC_API_KEY=…")
    assert routes[1]["why"] == "asked first"
    assert routes[2]["url"] == "http://127.0.0.1:1"
    assert routes[1]["key"] == json.loads(run("ask", "hi", "--json").stdout)["key"]
    assert len(mock_server.requests) == 1


def test_the_embedded_model_answers_where_there_is_nothing_else(run, embedded_data_home):
    env = {"XDG_DATA_HOME": str(embedded_data_home), "OLLAMA_HOST": "127.0.0.1:1"}
    argv = ("ask", "Say hello.", "--json", "--schema", HELLO)
    done, again = run(*argv, **env), run(*argv, **env)

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["provider"], answer["text"]) == (0, "embedded", '"hello"')
    assert answer["usage"]["output_tokens"] > 0
    assert [passed["provider"] for passed in answer["passed_over"]] == ["ollama", "gemini", "anthropic", "openai"]
    assert "a small model. Better: " in done.stderr
    assert done.stderr.count("\n") <= 3
    assert json.loads(again.stdout)["cached"] == "local"
    assert again.stderr == ""


def test_answers_are_shared_through_redis_and_survive_its_worst_days(run, mock_server, start_redis, tmp_path):
    redis = start_redis()
    shared = {"SAMPLEMIND_REDIS_URL": redis.url}

    def another_machine(name, prompt="hi"):
        done = run("ask", prompt, "--json", XDG_CACHE_HOME=str(tmp_path / name), **shared)
        return json.loads(done.stdout)["cached"], done.stderr.count("\n")

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


@pytest.mark.parametrize("options", [(), ("--raw",), ("--json",), ("-v",)])
def test_no_answer_commands_a_terminal_neither_fresh_nor_repeated(tmp_path, mock_server, options):
    evil = "\x1b]52;c;ZXZpbA==\x07 \u009b2J \u202e"
    fresh, repeated = (on_a_terminal([*options, evil], tmp_path) for _ in range(2))

    assert len(mock_server.requests) == 1
    for printed in (fresh, repeated):
        assert re.search(r"\\(x|u00)1b\]52;c;", printed)
        assert not re.search("\x1b\\]|[\x07\x80-\x9f\u202e]", printed)


def on_a_terminal(argv, folder):
    """What `ask` prints to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "samplemind_cli", "ask", *argv]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=folder) as child:
        os.close(theirs)
        printed = b""
        with suppress(OSError):  # Linux says so when the other end is closed
            while piece := os.read(ours, 4096):
                printed += piece
        assert child.wait(timeout=20) == 0
    os.close(ours)
    return printed.decode()


def test_why_says_in_what_a_question_is_new(mock_server):  # noqa: ARG001 - sets the environment
    def told(*arguments):
        done = warm.run(warm.samplemind, "ask", "hi", "-m", "ollama/any", *arguments)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if line.startswith("why")]

    assert told("--why") == ["why: no question is stored yet"]
    assert told("--why", "--temperature", "0.5") == ["why: temperature is new"]
    assert told("--why", "--temperature", "0.5", "--json") == ["why: the same question was answered before"]
