"""How each tool is pointed at `serve`: variables, options, a config of ours; the user's files are not changed."""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from samplemind_cli.errors import UsageError

UNUSED = "samplemind"  # the key for tools that insist on one, where `serve` needs none
TOKEN = "$SAMPLEMIND_API_TOKEN"  # noqa: S105 - shown in place of the token, for the shell to fill in
_EMPTY = "''"  # an empty value in every shell


@dataclass(frozen=True, slots=True)
class Setup:
    """How a tool is started: its command, the arguments before the user's own, its variables, a config file.

    In an argument or a variable, `{home}` stands for the tool's folder, `{config}` for the path of the config file.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    config: str = ""
    config_name: str = ""
    install: str = ""

    def with_home(self, home: str) -> "Setup":
        """The same with `{home}` and `{config}` replaced."""

        def path(value: str) -> str:
            return value.replace("{home}", home).replace("{config}", f"{home}/{self.config_name}")

        variables = {name: path(value) for name, value in self.variables.items()}
        return replace(self, arguments=tuple(map(path, self.arguments)), variables=variables)

    def exports(self, assign: Callable[[str, str], str]) -> Iterator[str]:
        """An export for each variable, safe to evaluate; the shell fills in the token.

        `assign` makes the line for a name and a value, quoted for the shell.
        """
        for name, value in self.variables.items():
            yield f'{assign(name, "").removesuffix(_EMPTY)}"{TOKEN}"' if value == TOKEN else assign(name, value)

    def command_line(self, arguments: Sequence[str] = ()) -> str:
        """The command, quoted for a shell, with further `arguments`."""
        return shlex.join([*self.command, *self.arguments, *arguments])


def _claude(url: str, token: str, model: str) -> Setup:
    """As docs/en/llm-gateway of Claude Code: the URL has no /v1; one model serves as its small models too.

    Variables in the user's settings would override the environment, so ours are passed as settings too.
    """
    names = ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL")
    models = dict.fromkeys((*names, "ANTHROPIC_DEFAULT_OPUS_MODEL"), model) if model else {}
    other_hosts = {"CLAUDE_CODE_USE_BEDROCK": "0", "CLAUDE_CODE_USE_VERTEX": "0"}
    env = {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_ATTRIBUTION_HEADER": "0", **other_hosts, **models}
    settings = ("--settings", json.dumps({"env": env}))
    install = "npm install -g @anthropic-ai/claude-code"
    return Setup(("claude",), settings, {"ANTHROPIC_AUTH_TOKEN": token, **env}, install=install)


def _codex(url: str, token: str, model: str) -> Setup:
    """The provider is passed as options, so that the user's config.toml is not changed."""
    provider = {
        "name": "samplemind",
        "base_url": f"{url}/v1",
        "env_key": "SAMPLEMIND_CLIENT_KEY",
        "wire_api": "responses",
    }
    table = ", ".join(f"{name} = {json.dumps(value)}" for name, value in provider.items())
    config = {"model_provider": '"samplemind"', "model_providers.samplemind": f"{{ {table} }}"}
    config["model"] = json.dumps(model or "auto")
    options = tuple(word for name, value in config.items() for word in ("-c", f"{name}={value}"))
    return Setup(("codex",), options, {"SAMPLEMIND_CLIENT_KEY": token}, install="npm install -g @openai/codex")


def _gemini(url: str, token: str, model: str) -> Setup:
    """A home of its own, with settings that select the log-in by API key.

    With a base URL it rejects its own default (0.61: "Invalid auth method selected"), and for a user logged in at
    Google it would use Google. Its statistics are off, as in this home nobody has agreed to them.
    """
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    variables = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": token, "GEMINI_CLI_HOME": "{home}"}
    install = "npm install -g @google/gemini-cli"
    options = ("--model", model or "auto:tools")  # to this tool, `auto` alone means a model of Google's
    return Setup(("gemini",), options, variables, json.dumps(settings) + "\n", ".gemini/settings.json", install)


def _opencode(url: str, token: str, model: str) -> Setup:
    name = model or "auto"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "samplemind",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:SAMPLEMIND_CLIENT_KEY}"},
        "models": {name: {"name": name}},
    }
    config = {"provider": {"samplemind": provider}, "model": f"samplemind/{name}"}
    variables = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "SAMPLEMIND_CLIENT_KEY": token}
    return Setup(("opencode",), (), variables, install="npm install -g opencode-ai")


def _aider(url: str, token: str, model: str) -> Setup:
    """The URL by both names that LiteLLM reads, and as options: a project's .env overrides variables."""
    variables = {"OPENAI_API_BASE": f"{url}/v1", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": token}
    url_options = ("--openai-api-base", f"{url}/v1", "--set-env", f"OPENAI_BASE_URL={url}/v1")
    options = (*url_options, "--model", f"openai/{model or 'auto'}")
    return Setup(("aider",), options, variables, install="pipx install aider-chat")


def _open_webui(url: str, token: str, model: str) -> Setup:
    """A data folder of its own, as settings stored in it override variables; without log-in, so on loopback only.

    Models come from OpenAI's routes alone: Open WebUI sends no token to Ollama's.
    """
    variables = {
        "OPENAI_API_BASE_URLS": f"{url}/v1",
        "OPENAI_API_KEYS": token,
        "ENABLE_OLLAMA_API": "False",
        "ENABLE_PERSISTENT_CONFIG": "False",
        "DATA_DIR": "{home}",
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": UNUSED,  # signs log-ins, of which there are none; else a key file is written to this folder
        **({"DEFAULT_MODELS": model} if model else {}),
    }
    command = ("open-webui", "serve")
    return Setup(command, ("--host", "127.0.0.1"), variables, install="pipx install open-webui")


def _continue(url: str, token: str, model: str) -> Setup:
    name = model or "auto"
    config = (
        "name: samplemind\nversion: 1.0.0\nschema: v1\nmodels:\n"
        f"  - name: samplemind\n    provider: openai\n    model: {json.dumps(name)}\n"
        f"    apiBase: {json.dumps(f'{url}/v1')}\n    apiKey: ${{{{ secrets.SAMPLEMIND_CLIENT_KEY }}}}\n"
    )
    variables = {"SAMPLEMIND_CLIENT_KEY": token}
    install = "npm install -g @continuedev/cli"
    return Setup(("cn",), ("--config", "{config}"), variables, config, "continue.yaml", install)


TOOLS: dict[str, Callable[[str, str, str], Setup]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "aider": _aider,
    "open-webui": _open_webui,
    "continue": _continue,
}


def setup(tool: str, url: str, token: str, model: str = "") -> Setup:
    """A tool's setup. `url`: the server's, without a path; `token`: "" if it needs none. Raises UsageError."""
    if tool not in TOOLS:
        raise UsageError(f"there is no tool {tool!r}", f"known: {', '.join(TOOLS)}")
    return TOOLS[tool](url, token or UNUSED, model)
