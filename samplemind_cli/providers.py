"""Who can answer: the one table of providers; and the words for a task, what matters in it, and how hard to think."""

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
Spoken = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"]


class Provider(StrEnum):
    """The providers that the core sends tasks to, in the order in which they stand in for each other.

    Others are rows of `TABLE`, or the user's own hosts, and known by their name alone.
    """

    OLLAMA = "ollama"
    GEMINI = "gemini"
    CLAUDE = "anthropic"
    OPENAI = "openai"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One provider. `client`: the room in `formats/` that asks it, and the module there if it is not the room's own.

    The first variable of each kind is the one that hints name. `prefixes` begin the names of its models. `local`: it
    costs nothing, and a question that it answers stays with the user. `responses`: it takes OpenAI's responses too,
    from clients of that format and for models that take nothing else.
    """

    name: str
    title: str
    client: str = "openai_chat"
    url: str = field(default="", repr=False)  # as the client expects it; may carry a password
    model: str = ""
    key_variables: tuple[str, ...] = ()
    url_variables: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    price_list: str = ""  # its name among public prices, if it is another one
    local: bool = False
    needs_key: bool = True
    responses: bool = False

    @property
    def format(self) -> Spoken:
        """The format that it speaks."""
        return cast("Spoken", self.client.partition(".")[0])

    @property
    def url_setting(self) -> str:
        """The setting that says where it is."""
        return "ollama_host" if self.name == Provider.OLLAMA else self.setting("base_url")

    def setting(self, what: str) -> str:
        """The name of its setting for its "model", "api_key", "base_url" or "rpm"."""
        return f"{self.name.replace('-', '_')}_{what}"

    def settings(self) -> dict[str, Any]:
        """Its settings and their defaults, beside Ollama's address and the embedded model's file."""
        named: dict[str, Any] = {self.setting("model"): self.model}
        if self.name == Provider.EMBEDDED:
            return {}
        if self.name != Provider.OLLAMA:
            named |= {self.setting("base_url"): "", self.setting("api_key"): ""}
        return {**named, self.setting("rpm"): 0}


def _hosted(name: str, title: str, url: str, model: str, **more: Any) -> Row:
    """A provider on the network, with the variables that its clients read."""
    key, place = f"{name.upper()}_API_KEY", f"{name.upper()}_BASE_URL"
    known: dict[str, Any] = {"key_variables": (key,), "url_variables": (place,)}
    return Row(name=name, title=title, url=url, model=model, **known | more)


# In the order in which they stand in for each other; the embedded model is the last resort.
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
        url="embedded:",  # it has no address until its engine runs
        local=True,
        needs_key=False,
    ),
)
TABLE: dict[str, Row] = {row.name: row for row in ROWS}
RESERVED = (*TABLE, "auto", "redis", "samplemind")  # what stands beside providers in a model's name or a report
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_(KEY|TOKEN)")  # `hot` sees by the name that a variable holds a key
_BLOCK = {"url": str, "key_variable": str, "model": str, "local": bool, "format": str}
_FORMATS = ("openai_chat", "openai_responses")  # that a host of one's own may speak
EXAMPLE = '[providers.my-vllm] url = "http://127.0.0.1:8000/v1", model = "qwen3", local = true'


def own_rows(blocks: Any, source: str) -> tuple[Row, ...]:
    """The hosts of one's own: `[providers.NAME]` with url, and what else `_BLOCK` holds. Raises UsageError."""
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
    known = name.upper().replace("-", "_")
    return Row(
        name=name,
        title=name,
        client=form,
        url=url,
        model=block.get("model", ""),
        key_variables=(variable or f"{known}_API_KEY",),
        url_variables=(f"{known}_BASE_URL",),
        local=block.get("local", False),
        needs_key=bool(variable) and not block.get("local", False),
    )


@cache
def is_address(url: str) -> bool:
    """Whether this is a base URL over HTTP."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def conventions(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """The variables that the field has already for keys and addresses, by setting."""
    keys = {row.setting("api_key"): row.key_variables for row in rows if row.key_variables}
    return keys | {row.url_setting: row.url_variables for row in rows if row.url_variables}
