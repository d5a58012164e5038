import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from parts import warm

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-m", "samplemind_cli", "mock"]


@contextmanager
def running(*options):
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(url, body):
    return httpx.post(f"{url}/api/generate", json=body, verify=False)  # reading certificates takes longer


def exports(process):
    lines = process.stdout.read().splitlines()  # up to its end: the server lets go of stdout
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def test_it_prints_the_exports_lets_go_of_stdout_and_serves_until_sigterm():
    with running("--reply", "fixed") as process:
        env = exports(process)
        url = env["OLLAMA_HOST"]
        assert env == {
            "OLLAMA_HOST": url,
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "mock",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "mock",
            "GEMINI_BASE_URL": url,
            "GEMINI_API_KEY": "mock",
        }
        body = {"model": "m", "prompt": "hello", "stream": False}
        assert ask(url, body).json()["response"] == "fixed"
        process.terminate()
        assert process.wait(5) == 0
        assert process.stderr.read() == ""


def test_ctrl_c_ends_it_with_130():
    with running("--json") as process:
        described = json.loads(process.stdout.read())
        assert described["url"].endswith(f":{described['port']}")
        assert described["exports"]["OLLAMA_HOST"] == described["url"]
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert process.stderr.read() == ""


def test_verbose_tells_each_request_and_its_fault():
    with running("-v", "--fault", "429:1", "--model", "tiny") as process:
        url = exports(process)["OLLAMA_HOST"]
        body = {"model": "tiny", "prompt": "hello"}
        assert [ask(url, body).status_code for _ in range(2)] == [429, 200]
        assert ask(url, {**body, "model": "big"}).status_code == 404
        process.terminate()
        _, told = process.communicate(timeout=5)
    first, second, third = told.splitlines()
    assert first.startswith("POST /api/generate 429 [429] ")
    assert second.startswith("POST /api/generate 200 ")
    assert third.startswith("POST /api/generate 404 ")


def test_a_taken_port_is_one_error_with_a_hint():
    with running("--json") as process:
        port = json.loads(process.stdout.read())["port"]
        second = warm.run(warm.samplemind, "mock", "--port", str(port))
    assert second.returncode == 1
    assert second.stdout == ""
    error, hint = second.stderr.splitlines()
    assert error == f"error: cannot listen on 127.0.0.1:{port}: Address already in use"
    assert hint == "hint: --port 0 picks a free port"


def test_bash_can_source_it():
    script = f'source <({" ".join(COMMAND)}) && {sys.executable} -c "$ASK"; kill $!'
    ask = "import os, urllib.request as u; print(u.urlopen(os.environ['OLLAMA_HOST']).read().decode())"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "ASK": ask}, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("Ollama is running\n", "", 0)
