"""`samplemind launch` with the real tools: each answers, calls one of its tools, and hears the result's answer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from parts.command_lines import path_with

pytestmark = pytest.mark.e2e
SAMPLEMIND = Path(sys.executable).parent / "samplemind"
PROVIDERS = ["anthropic", "gemini", "ollama", "openai"]
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
}


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def claude(out):
    told = json.loads(out)
    assert (told["subtype"], told["is_error"], told["stop_reason"]) == ("success", False, "end_turn")
    assert told["usage"]["input_tokens"] > 0
    return told["result"]


def codex(out):
    events = lines(out)
    assert events[-1]["type"] == "turn.completed"
    assert "command_execution" in [event.get("item", {}).get("type") for event in events]
    return next(e["item"]["text"] for e in events if e.get("item", {}).get("type") == "agent_message")


def gemini(out):
    told = json.loads(out)
    assert (told["stats"]["tools"]["totalSuccess"], "error" in told) == (1, False)
    return told["response"]


def opencode(out):
    events = lines(out)
    assert [e["part"]["reason"] for e in events if e["type"] == "step_finish"] == ["tool-calls", "stop"]
    return next(e["part"]["text"] for e in events if e["type"] == "text")


def continued(out):
    return out.strip()


def aider(out):
    return out[out.index("You said:") :]


TOOLS = {
    "claude": (claude, ["-p", "hi", "--tools", "Bash", "--allowedTools", "Bash", "--output-format", "json"]),
    "codex": (codex, ["exec", "--skip-git-repo-check", "--json", "hi"]),
    "gemini": (gemini, ["-p", "hi", "--skip-trust", "-o", "json"]),
    "opencode": (opencode, ["run", "--format", "json", "hi"]),
    "continue": (continued, ["-p", "hi"]),
}
COMMANDS = {"continue": "cn"}
AIDER = ["--message", "hi", "--yes", "--no-git", "--no-check-update", "--no-analytics", "--no-show-release-notes"]


def launched(tool, model, arguments, folder, **env):
    """The tool's output, from `launch` with a server of its own; it got no error from there."""
    command = [SAMPLEMIND, "launch", tool, "-m", model, "--", *arguments]
    env = {**os.environ, "PATH": path_with(COMMANDS.get(tool, tool)), **QUIET, **env}
    done = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    log = Path(os.environ["HOME"], ".local/state/samplemind/launch/serve.log").read_text()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + log[-2000:]
    assert {line["status"] for line in lines(log) if "status" in line} == {200}, log + done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("tool", TOOLS)
def test_it_works_with_each_provider_and_its_tools_are_called(tool, provider, mock_server, tmp_path):
    read, arguments = TOOLS[tool]

    text = read(launched(tool, f"{provider}/mock", arguments, tmp_path, SAMPLEMIND_API_TOKEN="a-token"))

    assert text.startswith("You said:")
    assert len([r for r in mock_server.requests if r.provider == provider and r.method == "POST"]) >= 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_aider_is_answered_by_each_provider(provider, mock_server, tmp_path):
    text = aider(launched("aider", f"{provider}/mock", AIDER, tmp_path))

    assert text.startswith("You said: hi")
    assert {r.provider for r in mock_server.requests if r.method == "POST"} == {provider}


def test_claude_code_is_answered_by_a_model_that_cannot_think(talking_daemon, tmp_path):
    arguments = ["-p", "hi", "--tools", "", "--system-prompt", "be brief", "--output-format", "json"]

    out = launched("claude", "ollama/tiny", arguments, tmp_path, OLLAMA_HOST=talking_daemon.url)

    assert "A tiny model answers" in claude(out)


def test_what_a_user_or_a_project_has_set_leads_no_tool_elsewhere(mock_server, tmp_path):
    settings = Path(os.environ["HOME"], ".claude/settings.json")
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}}))
    (tmp_path / ".env").write_text("OPENAI_API_BASE=http://127.0.0.1:9\nOPENAI_BASE_URL=http://127.0.0.1:9\n")

    claude(launched("claude", "openai/mock", TOOLS["claude"][1], tmp_path))
    mock_server.reset()
    assert aider(launched("aider", "ollama/mock", AIDER, tmp_path))
    assert {r.provider for r in mock_server.requests if r.method == "POST"} == {"ollama"}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_users_own_settings_stay_as_they_are(tool, mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    home = Path(os.environ["HOME"])
    own = {
        "claude": home / ".claude/settings.json",
        "codex": home / ".codex/config.toml",
        "gemini": home / ".gemini/settings.json",
        "opencode": home / ".config/opencode/opencode.json",
        "continue": home / ".continue/config.json",
    }[tool]
    own.parent.mkdir(parents=True)
    own.write_text(text := "" if tool == "codex" else json.dumps({"$schema": "https://opencode.ai/config.json"}))

    launched(tool, "openai/mock", TOOLS[tool][1], tmp_path)

    assert own.read_text() == text
