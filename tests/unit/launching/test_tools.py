import json
import subprocess
import tomllib

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.launching.tools import TOKEN, TOOLS, UNUSED, setup
from samplemind_cli.stack.exports import line

URL = "http://127.0.0.1:8000"
MODEL = "a'b\"c$(exit 3)`exit 4`;exit 5"


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_is_led_to_the_server_with_its_token_and_model(tool):
    found = setup(tool, URL, "the-token", "ollama/tiny")
    told = json.dumps([found.variables, found.arguments, found.config])

    assert URL in told
    assert "the-token" in found.variables.values()
    assert "ollama/tiny" in told
    assert found.install


@pytest.mark.parametrize("tool", TOOLS)
def test_the_token_is_in_no_argument_and_no_file_and_no_repr(tool):
    found = setup(tool, URL, "the-token", "m")

    assert "the-token" not in json.dumps([found.arguments, found.config]) + repr(found)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_gets_some_key_where_the_server_wants_none(tool):
    assert UNUSED in setup(tool, URL, "").variables.values()


def test_codexs_options_are_toml_that_says_responses():
    options = setup("codex", URL, "t").arguments
    values = dict(option.split("=", 1) for option in options[1::2])
    provider = tomllib.loads(f"x = {values['model_providers.samplemind']}")["x"]

    assert provider["base_url"] == f"{URL}/v1"
    assert provider["wire_api"] == "responses"
    assert tomllib.loads(f"x = {values['model']}")["x"] == "auto"


def test_claude_code_asks_without_a_path():
    assert setup("claude", URL, "t").variables["ANTHROPIC_BASE_URL"] == URL


def test_an_unknown_tool_is_a_usage_error_that_names_those_known():
    with pytest.raises(UsageError) as failed:
        setup("emacs", URL, "")
    assert "codex" in failed.value.hint


def test_gemini_cli_gets_a_home_of_its_own_in_which_the_way_to_log_in_is_chosen():
    found = setup("gemini", URL, "t").with_home("/ours/gemini")

    assert found.variables["GEMINI_CLI_HOME"] == "/ours/gemini"
    assert found.config_name == ".gemini/settings.json"
    assert json.loads(found.config)["security"]["auth"]["selectedType"] == "gemini-api-key"


def test_gemini_cli_is_given_no_word_of_its_own_for_a_model():
    assert setup("gemini", URL, "t").arguments == ("--model", "auto:tools")


def test_open_webui_without_a_password_listens_on_loopback_alone_and_keeps_its_own_store():
    found = setup("open-webui", URL, "t").with_home("/ours/open-webui")

    assert found.arguments == ("--host", "127.0.0.1")
    assert found.variables["DATA_DIR"] == "/ours/open-webui"
    assert found.variables["ENABLE_PERSISTENT_CONFIG"] == "False"


def test_continue_is_led_to_a_config_of_ours():
    assert setup("continue", URL, "t").with_home("/ours/continue").arguments == (
        "--config",
        "/ours/continue/continue.yaml",
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_tool_is_given_for_a_key_does_not_become_the_token_that_serve_demands(tool):
    assert "SAMPLEMIND_API_TOKEN" not in setup(tool, URL, "t").variables


def test_claude_code_is_told_by_settings_which_beat_the_users_own():
    found = setup("claude", URL, "t", "ollama/tiny")
    told = json.loads(found.arguments[found.arguments.index("--settings") + 1])["env"]

    assert told == {name: value for name, value in found.variables.items() if value != "t"}
    assert told["CLAUDE_CODE_USE_BEDROCK"] == "0"


def test_aider_is_told_by_options_which_beat_a_projects_env_file():
    found = setup("aider", URL, "t")

    assert found.arguments[:4] == ("--openai-api-base", f"{URL}/v1", "--set-env", f"OPENAI_BASE_URL={URL}/v1")
    assert found.variables["OPENAI_BASE_URL"] == f"{URL}/v1"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_shell_reads_back_what_a_tool_is_told_with_the_token_put_in(tool):
    told = setup(tool, URL, TOKEN, MODEL)
    exports = told.exports(lambda name, value: line(name, value, "bash"))
    script = "\n".join([*exports, f"# {told.command_line()}", "env -0"])
    env = {"SAMPLEMIND_API_TOKEN": "secret", "PATH": "/usr/bin:/bin"}

    done = subprocess.run(["/bin/bash", "-ec", script], check=False, env=env, capture_output=True)

    found = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    assert done.returncode == 0, done.stderr
    for name, value in told.variables.items():
        assert found[name] == ("secret" if value == TOKEN else value)


def test_fish_is_told_the_token_by_its_name():
    told = setup("aider", URL, TOKEN)

    assert 'set -gx OPENAI_API_KEY "$SAMPLEMIND_API_TOKEN"' in told.exports(
        lambda name, value: line(name, value, "fish")
    )
