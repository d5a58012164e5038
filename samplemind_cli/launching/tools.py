"""What each tool is told so that it asks `serve`: variables, options, a config of its own; never the user's files."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from samplemind_cli.errors import UsageError

UNUSED = "samplemind"  # what a tool is given that insists on a key, where `serve` wants none


@dataclass(frozen=True, slots=True)
class Setup:
    """How a tool is started: its command, what goes before the user's own arguments, its variables, a config file.

    `{home}` in an argument or a variable stands for a folder of ours for this tool, `{config}` for the file in there.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    config: str = ""
    config_name: str = ""
    install: str = ""

    def placed(self, home: str) -> "Setup":
        """The same with the folder's path, and its file's, where they belong."""

        def path(value: str) -> str:
            return value.replace("{home}", home).replace("{config}", f"{home}/{self.config_name}")

        variables = {name: path(value) for name, value in self.variables.items()}
        return replace(self, arguments=tuple(map(path, self.arguments)), variables=variables)


def _claude(url: str, token: str, model: str) -> Setup:
    """docs/en/llm-gateway of Claude Code: no /v1 in the address; small models for small work are the same one.

    The user's settings may hold variables too, which are stronger than ours unless ours are settings as well.
    """
    names = ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL")
    models = dict.fromkeys((*names, "ANTHROPIC_DEFAULT_OPUS_MODEL"), model) if model else {}
    elsewhere = {"CLAUDE_CODE_USE_BEDROCK": "0", "CLAUDE_CODE_USE_VERTEX": "0"}
    known = {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_ATTRIBUTION_HEADER": "0", **elsewhere, **models}
    settings = ("--settings", json.dumps({"env": known}))
    install = "npm install -g @anthropic-ai/claude-code"
    return Setup(("claude",), settings, {"ANTHROPIC_AUTH_TOKEN": token, **known}, install=install)


def _codex(url: str, token: str, model: str) -> Setup:
    """Codex reads its providers from options too, so that the user's config.toml stays as it is."""
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
    """A home of its own, in which the way to log in is chosen.

    With an address set it refuses the way that it chooses itself (0.61: "Invalid auth method selected"), and a user
    who has logged in at Google would ask Google. It sends no statistics, as it cannot know whether its user minds.
    """
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    known = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": token, "GEMINI_CLI_HOME": "{home}"}
    install = "npm install -g @google/gemini-cli"
    chosen = ("--model", model or "auto:tools")  # `auto` alone is its own word, for a model of Google's
    return Setup(("gemini",), chosen, known, json.dumps(settings) + "\n", ".gemini/settings.json", install)


def _opencode(url: str, token: str, model: str) -> Setup:
    name = model or "auto"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "samplemind",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:SAMPLEMIND_CLIENT_KEY}"},
        "models": {name: {"name": name}},
    }
    config = {"provider": {"samplemind": provider}, "model": f"samplemind/{name}"}
    known = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "SAMPLEMIND_CLIENT_KEY": token}
    return Setup(("opencode",), (), known, install="npm install -g opencode-ai")


def _aider(url: str, token: str, model: str) -> Setup:
    """The address by both names that LiteLLM knows, and as options: a project's .env is stronger than variables."""
    known = {"OPENAI_API_BASE": f"{url}/v1", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": token}
    options = ("--openai-api-base", f"{url}/v1", "--set-env", f"OPENAI_BASE_URL={url}/v1")
    command = (*options, "--model", f"openai/{model or 'auto'}")
    return Setup(("aider",), command, known, install="pipx install aider-chat")


def _open_webui(url: str, token: str, model: str) -> Setup:
    """A store of its own, since settings kept there beat variables, and nobody may log in without a password.

    So it listens on loopback alone. Models are listed once, by OpenAI's routes: Ollama's would take no token.
    """
    known = {
        "OPENAI_API_BASE_URLS": f"{url}/v1",
        "OPENAI_API_KEYS": token,
        "ENABLE_OLLAMA_API": "False",
        "ENABLE_PERSISTENT_CONFIG": "False",
        "DATA_DIR": "{home}",
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": UNUSED,  # it signs log-ins, which there are none; without it a file is left in this folder
        **({"DEFAULT_MODELS": model} if model else {}),
    }
    command = ("open-webui", "serve")
    return Setup(command, ("--host", "127.0.0.1"), known, install="pipx install open-webui")


def _continue(url: str, token: str, model: str) -> Setup:
    name = model or "auto"
    config = (
        "name: samplemind\nversion: 1.0.0\nschema: v1\nmodels:\n"
        f"  - name: samplemind\n    provider: openai\n    model: {json.dumps(name)}\n"
        f"    apiBase: {json.dumps(f'{url}/v1')}\n    apiKey: ${{{{ secrets.SAMPLEMIND_CLIENT_KEY }}}}\n"
    )
    known = {"SAMPLEMIND_CLIENT_KEY": token}
    install = "npm install -g @continuedev/cli"
    return Setup(("cn",), ("--config", "{config}"), known, config, "continue.yaml", install)


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
    """What a tool is told. `url` is the server's, without a path; "" as token where it wants none."""
    if tool not in TOOLS:
        raise UsageError(f"there is no tool {tool!r}", f"known: {', '.join(TOOLS)}")
    return TOOLS[tool](url, token or UNUSED, model)
