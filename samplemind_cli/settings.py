"""Settings.load: defaults < the stack's record < the user's file < the project's file < the environment < flags."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from samplemind_cli import paths
from samplemind_cli.errors import UsageError

WEEK = 604_800

# The names the field uses already; every setting is also read from SAMPLEMIND_<ITS NAME>, which is stronger.
CONVENTIONS = {
    "ollama_host": ("OLLAMA_HOST",),
    "openai_base_url": ("OPENAI_BASE_URL",),
    "anthropic_base_url": ("ANTHROPIC_BASE_URL",),
    "gemini_base_url": ("GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
    "openai_api_key": ("OPENAI_API_KEY",),
    "anthropic_api_key": ("ANTHROPIC_API_KEY",),
    "gemini_api_key": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
KEYS = ("openai_api_key", "anthropic_api_key", "gemini_api_key")
SECRETS = (*KEYS, "api_token")
# Where a key or a prompt is sent is the user's decision: a cloned project's file must not redirect it.
USER_ONLY = ("openai_base_url", "anthropic_base_url", "gemini_base_url", "redis_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Seconds, bytes and requests per minute; an empty string means "not set"."""

    ollama_host: str = "127.0.0.1:11434"
    openai_base_url: str = field(default="", repr=False)  # these may carry a password
    anthropic_base_url: str = field(default="", repr=False)
    gemini_base_url: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    anthropic_api_key: str = field(default="", repr=False)
    gemini_api_key: str = field(default="", repr=False)

    ollama_model: str = "llama3.2:3b-instruct-q8_0"
    gemini_model: str = "gemini-flash-latest"
    anthropic_model: str = "claude-sonnet-5-5"
    openai_model: str = "gpt-6-luna"
    embedded_model: str = ""  # a GGUF file; empty: the default model, fetched once
    models: tuple[str, ...] = ("llama3.2:3b-instruct-q8_0", "qwen2.5:7b-instruct", "phi3.5:mini")

    cache: str = "on"  # on, off, or local (never Redis)
    cache_ttl: float = WEEK
    cache_size: int = 256 * 1024 * 1024
    redis_url: str = field(default="", repr=False)  # may carry a password

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    local_read_timeout: float = 300.0  # a local model may have to be loaded before its first word
    deadline: float = 600.0  # for the whole answer, retries included
    ollama_rpm: int = 0  # requests per minute; 0: no limit
    gemini_rpm: int = 0
    anthropic_rpm: int = 0
    openai_rpm: int = 0

    history: str = "on"  # what is written down of each call: on, or off
    history_days: float = 90.0
    history_size: int = 200 * 1024 * 1024

    api_token: str = field(default="", repr=False)  # what `serve` demands of its clients

    compose_file: str = ""
    cache_dir: str = ""
    config_dir: str = ""
    data_dir: str = ""
    state_dir: str = ""

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, directory: Path | None = None, **flags: Any) -> Self:
        """The settings in force in `directory`; a flag that is None was not given. A broken file is a UsageError."""
        env = os.environ if env is None else env
        stack, user, project = paths.settings_files(env, str(directory or here()))
        folders = {name: getattr(paths, name)(env) for name in ("cache_dir", "config_dir", "data_dir", "state_dir")}
        settings = replace(cls(), **folders)
        settings = settings.changed(_stack_record(stack), stack)
        settings = settings.changed(_toml(user, (*SECRETS, *folders)), user)
        settings = settings.changed(_toml(project, (*SECRETS, *USER_ONLY, *folders)), project)
        settings = settings.changed(_environment(env, tuple(folders)), "the environment")
        return settings.changed({k: v for k, v in flags.items() if v is not None}, "the command line")

    def changed(self, values: Mapping[str, Any], source: str) -> Self:
        """A copy with `values`, each checked against its field's type; `source` is named in the error."""
        kinds = {f.name: type(f.default) for f in fields(self)}
        return replace(self, **{name: _coerced(name, value, kinds[name], source) for name, value in values.items()})


def here() -> Path:
    """The current folder. Raises UsageError when it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the folder you are in has been removed", 'cd "$PWD", if it was made anew') from error


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Within it the environment says so: for a library that reads it while it is imported."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def environment(**changes: str) -> dict[str, str]:
    """A child process's environment: this one's, with `changes`."""
    return {**os.environ, **changes}


def _stack_record(path: str) -> dict[str, Any]:
    """What `samplemind up` recorded of the stack it started; a broken record is no record."""
    try:
        record = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    known = ("ollama_host", "redis_url")
    return {k: record[k] for k in known if isinstance(record.get(k), str)} if isinstance(record, dict) else {}


def _toml(path: str, refused: tuple[str, ...]) -> dict[str, Any]:
    try:
        if stat.S_ISFIFO(Path(path).stat().st_mode):  # reading it would wait for a writer
            raise OSError("it is a pipe")  # noqa: TRY301 - one message for every file that cannot be read
        import tomllib  # most projects have no such file

        values = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the settings in {path}: {error}", f"mend or move {path}") from error
    known = {f.name for f in fields(Settings)}
    for name in values:
        if name not in known:
            raise UsageError(f"{path} sets {name!r}, which is not a setting", f"known: {', '.join(sorted(known))}")
        if name in refused:
            variable = CONVENTIONS.get(name, (f"SAMPLEMIND_{name.upper()}",))[0]
            raise UsageError(f"{path} may not set {name!r}", f"set {variable} in the environment instead")
    return values


def _environment(env: Mapping[str, str], refused: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for setting in fields(Settings):
        for variable in (f"SAMPLEMIND_{setting.name.upper()}", *CONVENTIONS.get(setting.name, ())):
            if env.get(variable) and setting.name not in refused:
                found[setting.name] = env[variable]
                break
    return found


def _coerced(name: str, value: Any, kind: type, source: str) -> Any:
    try:
        if kind is tuple:
            return tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(map(str, value))
        if kind is str and (not isinstance(value, str) or "\0" in value):
            raise ValueError  # noqa: TRY301 - one message for every wrong value
        if name in SECRETS:  # out of a file they come with its line's end
            return value.strip()
        number = kind(value)
        cut = isinstance(value, float) and number != value  # int(1.5)
        if kind in (int, float) and (isinstance(value, bool) or cut or not 0 <= number < float("inf")):
            raise ValueError  # noqa: TRY301 - the same
    except (TypeError, ValueError, OverflowError):
        shown = "that value" if name in (*SECRETS, *USER_ONLY) else repr(value)
        raise UsageError(f"{source}: {name} cannot be {shown}", f"{name} is {_article(kind)}") from None
    if name == "history" and number not in ("on", "off"):
        raise UsageError(f"{source}: history cannot be {value!r}", "history is on or off")
    if name == "cache" and number not in ("on", "off", "local"):
        raise UsageError(f"{source}: cache cannot be {value!r}", "cache is one of on, off, local")
    return number


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", tuple: "a list of names"}.get(kind, "text")
