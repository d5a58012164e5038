"""`samplemind launch` with a tool of the test's own in the place of the real one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ASK = """
import json, os, sys, urllib.request
body = {"model": "ollama/any", "messages": [{"role": "user", "content": "hi"}]}
url = os.environ["OPENAI_API_BASE"] + "/chat/completions"
headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
    print(json.loads(answer.read())["choices"][0]["message"]["content"], *sys.argv[1:])
sys.exit(7)
"""


def launch(*arguments, path):
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "samplemind_cli", "launch", *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60
    )


def test_a_tool_asks_a_server_that_lives_as_long_as_it_does(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    tool = tmp_path / "aider"
    tool.write_text(f"#!{sys.executable}\n{ASK}")
    tool.chmod(0o755)

    done = launch("aider", "-m", "ollama/any", "--", "--yes", "x", path=tmp_path)

    assert done.returncode == 7, done.stderr
    url = re.search(r"aider uses (http://127\.0\.0\.1:\d+)", done.stderr)[1] + "/v1"
    ours = f"--openai-api-base {url} --set-env OPENAI_BASE_URL={url} --model openai/ollama/any"
    assert done.stdout == f"You said: hi {ours} --yes x\n"


def test_what_would_be_set_is_printed_and_nothing_is_started(tmp_path):
    done = launch("codex", "--print", "--json", "--", "exec", "hi", path=tmp_path)
    told = json.loads(done.stdout)

    assert told["command"][0] == "codex"
    assert told["command"][-2:] == ["exec", "hi"]


def test_a_tool_that_is_not_installed_is_told_with_the_command_that_installs_it(tmp_path):
    done = launch("continue", path=tmp_path)

    assert done.returncode == 2
    assert "npm install -g @continuedev/cli" in done.stderr


def env_for(*arguments, **env):
    command = [sys.executable, "-m", "samplemind_cli", "env", "--for", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **env}, timeout=60)


def test_env_prints_what_launch_would_set_and_never_the_token(tmp_path):
    done = env_for("gemini", "--shell", "bash", "-m", "ollama/tiny", SAMPLEMIND_API_TOKEN="secret")
    shown = launch("gemini", "--print", "-m", "ollama/tiny", path=tmp_path)

    assert 'export GEMINI_API_KEY="$SAMPLEMIND_API_TOKEN"\n' in done.stdout
    assert "secret" not in done.stdout
    assert "# gemini --model ollama/tiny\n" in done.stdout
    home = next(line.partition("=")[2] for line in done.stdout.splitlines() if "GEMINI_CLI_HOME" in line)
    assert "gemini-api-key" in Path(home, ".gemini/settings.json").read_text()
    assert f"export GEMINI_CLI_HOME={home}\n" in shown.stdout


def test_env_knows_the_tools_that_launch_knows():
    done = env_for("emacs")

    assert done.returncode == 2
    assert "known: claude, codex" in done.stderr
