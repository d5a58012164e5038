"""ask against the real Ollama daemon."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
SAMPLEMIND = Path(sys.executable).parent / "samplemind"
SENTENCE = "A tiny model answers : every layer of the real daemon ran to say this short sentence ."


@pytest.fixture
def start(talking_daemon, tmp_path):
    started = []

    def samplemind(*argv):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = {**os.environ, "OLLAMA_HOST": talking_daemon.url}
        started.append(subprocess.Popen([SAMPLEMIND, "ask", *argv], cwd=tmp_path, env=env, **streams))
        return started[-1]

    yield samplemind
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def ask(start):
    def one(*argv):
        process = start(*argv)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    return one


def test_it_answers_and_counts_its_tokens(ask):
    code, out, err = ask("hi", "-m", "tiny", "--json")
    answer = json.loads(out)

    assert (code, answer["text"].strip(), err) == (0, SENTENCE, "")
    assert answer["usage"]["output_tokens"] == 19
    assert answer["finish_reason"] == "stop"
    assert json.loads(ask("hi", "-m", "tiny", "--json")[1])["cached"] == "local"


def test_a_longest_answer_is_cut_and_not_kept(ask):
    code, out, err = ask("hi", "-m", "tiny-endless", "--max-tokens", "30")

    assert (code, out.split()[:2]) == (0, ["A", "tiny"])
    assert "raise --max-tokens" in err
    assert json.loads(ask("hi", "-m", "tiny-endless", "--max-tokens", "30", "--json")[1])["cached"] is False


def test_ctrl_c_ends_an_endless_answer_and_the_daemon_is_free_again(start, ask):
    endless = start("hi", "-m", "tiny-endless")
    assert endless.stdout.read1(10)

    endless.send_signal(signal.SIGINT)

    assert endless.wait(10) == 130
    assert ask("hi", "-m", "tiny")[0] == 0


def test_an_unknown_model_is_an_error_that_says_how_to_get_it(ask):
    code, out, err = ask("hi", "-m", "tinny")

    assert (code, out) == (4, "")
    assert "'tinny' not found" in err
    assert "hint: samplemind pull-models tinny" in err


def test_a_daemon_that_dies_in_the_middle_is_an_error_and_nothing_is_kept(start, ask, talking_daemon):
    endless = start("hi", "-m", "tiny-endless")
    assert endless.stdout.read1(10)

    talking_daemon.kill()
    _, err = endless.communicate(timeout=30)

    assert endless.returncode == 4
    assert b"broke off" in err
    assert ask("hi", "-m", "tiny-endless")[0] == 4


def test_a_prompt_that_does_not_fit_is_refused_and_never_cut(ask):
    code, out, err = ask("word " * 20_000, "-m", "tiny")

    assert (code, out) == (4, "")
    assert "shorten the prompt" in err


def test_tools_and_schemas_are_accepted(ask, tmp_path):
    (tmp_path / "tools.json").write_text(
        json.dumps([{"type": "function", "function": {"name": "play", "parameters": {"type": "object"}}}])
    )

    assert ask("hi", "-m", "tiny", "--tools", "tools.json")[0] == 0
