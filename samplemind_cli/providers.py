"""The table of providers; the names of tasks, priorities and efforts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from samplemind_cli.errors import UsageError

Task = Literal["genre", "audio", "creative", "factual", "tools"]
Priority = Literal["speed", "quality", "cost"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
WireFormat = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"]


class Provider(StrEnum):
    """The providers that the core routes tasks to, in the order of fallback.

    Others are rows of `TABLE`, or the user's own hosts, and have only a name.
    """

    OLLAMA = "ollama"
    GEMINI = "gemini"
    CLAUDE = "anthropic"
    OPENAI = "openai"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One provider. `client`: its room in `formats/`, and the module there if that is not `client`.

    Hints name the first variable of each kind. `prefixes`: of the names of its models. `local`: it costs nothing, and
    prompts stay with the user. `responses`: it also accepts OpenAI's Responses API, for clients of that format and for
    models that accept nothing else.
    """

    name: str
    title: str
    client: str = "openai_chat"
    url: str = field(default="", repr=False)  # as the client expects it; may contain a password
    model: str = ""
    key_variables: tuple[str, ...] = ()
    url_variables: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    price_list: str = ""  # its name in the public price list, if another one
    local: bool = False
    needs_key: bool = True
    responses: bool = False

    @property
    def format(self) -> WireFormat:
        """Its wire format."""
        return cast("WireFormat", self.client.partition(".")[0])

    @property
    def url_setting(self) -> str:
        """The name of the setting for its URL."""
        return "ollama_host" if self.name == Provider.OLLAMA else self.setting("base_url")

    def setting(self, what: str) -> str:
        """The name of its setting for its "model", "api_key", "base_url" or "rpm"."""
        return f"{self.name.replace('-', '_')}_{what}"

    def settings(self) -> dict[str, Any]:
        """Its settings and their defaults, except Ollama's address and the embedded model's file."""
        if self.name == Provider.EMBEDDED:
            return {}
        hosted = {} if self.name == Provider.OLLAMA else {self.setting("base_url"): "", self.setting("api_key"): ""}
        return {self.setting("model"): self.model, **hosted, self.setting("rpm"): 0}


def _hosted(name: str, title: str, url: str, model: str, **more: Any) -> Row:
    """A provider on the network, with the variables that its official clients read."""
    prefix = name.upper()
    variables: dict[str, Any] = {"key_variables": (f"{prefix}_API_KEY",), "url_variables": (f"{prefix}_BASE_URL",)}
    return Row(name=name, title=title, url=url, model=model, **variables | more)


# In the order of fallback; the embedded model is the last resort.
ROWS = (
    Row(
        name=Provider.OLLAMA,
        title="Ollama",
        client="ollama",
        url="http://127.0.0.1:11434",
        model="llama3.2:3b-instruct-q8_0",
        url_variables=("OLLAMA_HOST",),
        local=True,
        needs_key=False,
    ),
    _hosted(
        Provider.GEMINI,
        "Gemini",
        "https://generativelanguage.googleapis.com",
        "gemini-flash-latest",
        client="gemini",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        url_variables=("GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
        prefixes=("gemini-",),
        price_list="google",
    ),
    _hosted(
        Provider.CLAUDE,
        "Claude",
        "https://api.anthropic.com",
        "claude-sonnet-5-5",
        client="anthropic_messages",
        prefixes=("claude-",),
    ),
    _hosted(
        Provider.OPENAI,
        "OpenAI",
        "https://api.openai.com/v1",
        "gpt-6-luna",
        prefixes=("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "codex-", "computer-use-"),
        responses=True,
    ),
    # No prefixes: Ollama has models of the same names.
    _hosted("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "openrouter/auto"),
    _hosted("groq", "Groq", "https://api.groq.com/openai/v1", "openai/gpt-oss-20b"),
    _hosted("deepseek", "DeepSeek", "https://api.deepseek.com", "deepseek-chat"),
    _hosted("mistral", "Mistral", "https://api.mistral.ai/v1", "mistral-small-latest", client="openai_chat.mistral"),
    Row(
        name=Provider.EMBEDDED,
        title="the embedded model",
        client="openai_chat.embedded",
        url="embedded:",  # its address is known once its engine runs
        local=True,
        needs_key=False,
    ),
)
TABLE: dict[str, Row] = {row.name: row for row in ROWS}
RESERVED = (*TABLE, "auto", "redis", "samplemind")  # names used beside providers in a model's name or a report
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_(KEY|TOKEN)")  # `hot` recognises a key by its variable's name
_BLOCK = {"url": str, "key_variable": str, "model": str, "local": bool, "format": str}
_FORMATS = ("openai_chat", "openai_responses")  # of the user's own hosts
EXAMPLE = '[providers.my-vllm] url = "http://127.0.0.1:8000/v1", model = "qwen3", local = true'


def own_rows(blocks: Any, source: str) -> tuple[Row, ...]:
    """The user's own hosts, from blocks `[providers.NAME]` with the keys of `_BLOCK`. Raises UsageError."""
    if not isinstance(blocks, Mapping):
        raise UsageError(f"{source}: [providers] must hold a table for each provider", EXAMPLE)
    return tuple(_own_row(name, block, source) for name, block in blocks.items())


def _own_row(name: str, block: Any, source: str) -> Row:
    where = f"{source}: [providers.{name}]"
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise UsageError(f"{where}: not a valid provider name", "small letters, digits and dashes, like my-vllm")
    if not isinstance(block, Mapping) or set(block) - set(_BLOCK):
        raise UsageError(f"{where} may set only {', '.join(_BLOCK)}, and no key itself", EXAMPLE)
    for what, value in block.items():
        if not isinstance(value, _BLOCK[what]) or "\0" in str(value):
            raise UsageError(f"{where}: {what} has an invalid value", EXAMPLE)
    url = block.get("url", "").strip().rstrip("/")
    if not is_address(url):
        raise UsageError(f"{where}: url is not a valid URL", EXAMPLE)
    variable = block.get("key_variable", "")
    if variable and not _KEY_VARIABLE.fullmatch(variable):
        raise UsageError(f"{where}: key_variable is the name of a variable", "one that ends in _API_KEY or _TOKEN")
    if (form := block.get("format", _FORMATS[0])) not in _FORMATS:
        raise UsageError(f"{where}: format is one of {', '.join(_FORMATS)}", EXAMPLE)
    prefix = name.upper().replace("-", "_")
    return Row(
        name=name,
        title=name,
        client=form,
        url=url,
        model=block.get("model", ""),
        key_variables=(variable or f"{prefix}_API_KEY",),
        url_variables=(f"{prefix}_BASE_URL",),
        local=block.get("local", False),
        needs_key=bool(variable) and not block.get("local", False),
    )


@cache
def is_address(url: str) -> bool:
    """Whether this is a URL with http or https and a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def conventions(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """The customary environment variables for keys and URLs, by setting."""
    keys = {row.setting("api_key"): row.key_variables for row in rows if row.key_variables}
    return keys | {row.url_setting: row.url_variables for row in rows if row.url_variables}
