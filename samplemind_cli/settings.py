"""Settings.load: defaults < the stacks' record < the user's file < the project's file < the environment < flags."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from samplemind_cli import paths, trust
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
    "compose_project": ("COMPOSE_PROJECT_NAME",),
}
KEYS = ("openai_api_key", "anthropic_api_key", "gemini_api_key")
SECRETS = (*KEYS, "api_token")
FOLDERS = ("cache_dir", "config_dir", "data_dir", "state_dir")  # the XDG variables say where these are
# Where keys, prompts and answers are sent; these may carry a password.
ADDRESSES = ("ollama_host", "openai_base_url", "anthropic_base_url", "gemini_base_url", "redis_url")
COMPOSE = ("compose_file", "compose_profiles", "compose_project")
# A cloned project's file must not redirect those, nor choose the file a native parser loads, the programs `up` starts,
# how much of the user's disk and cache is kept, whose files count, or which web pages may use `serve`.
USER_ONLY = (
    *(*ADDRESSES, "embedded_model", "cache_size", "trusted_folders", *COMPOSE),
    *("history", "history_days", "history_size", "allowed_hosts", "allowed_origins"),
)
# What a project's file may set. A setting on no list is refused there.
PROJECT_MAY = (
    *("ollama_model", "gemini_model", "anthropic_model", "openai_model", "models"),
    *("cache", "cache_ttl", "connect_timeout", "read_timeout", "local_read_timeout", "deadline"),
    *("ollama_rpm", "gemini_rpm", "anthropic_rpm", "openai_rpm"),
)
USER_MAY = (*PROJECT_MAY, *USER_ONLY)
CACHES = ("on", "local", "off")  # each keeps less than the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Seconds, bytes and requests per minute; an empty string means "not set"."""

    ollama_host: str = "127.0.0.1:11434"  # HOST:PORT or a URL
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
    models: tuple[str, ...] = ("llama3.2:3b-instruct-q8_0", "qwen2.5:7b-instruct", "phi3.5:mini")  # for `pull-models`

    cache: str = "on"  # where answers are kept: on (here and in Redis), local, or off
    cache_ttl: float = WEEK  # how long an answer is kept
    cache_size: int = 256 * 1024 * 1024  # the largest size of the local tier
    redis_url: str = field(default="", repr=False)  # the shared cache tier; may carry a password

    connect_timeout: float = 5.0  # for a connection to a provider
    read_timeout: float = 30.0  # between two pieces of a hosted answer
    local_read_timeout: float = 300.0  # a local model may have to be loaded before its first word
    deadline: float = 600.0  # for the whole answer, retries included
    ollama_rpm: int = 0  # requests per minute; 0: no limit
    gemini_rpm: int = 0
    anthropic_rpm: int = 0
    openai_rpm: int = 0

    history: str = "on"  # what is written down of each call: on, or off
    history_days: float = 90.0  # how long the ledger keeps a call
    history_size: int = 200 * 1024 * 1024  # the largest size of the ledger

    api_token: str = field(default="", repr=False)  # what `serve` demands of its clients
    allowed_hosts: tuple[str, ...] = ()  # Host names that `serve` answers without a token, beside loopback's
    allowed_origins: tuple[str, ...] = ()  # origins of web pages that may use `serve`

    compose_file: str = ""  # empty: the project's own, else the stack that comes with samplemind
    compose_profiles: tuple[str, ...] = ()  # profiles to activate; empty: as COMPOSE_PROFILES says
    compose_project: str = ""  # the name of the Compose project
    trusted_folders: tuple[str, ...] = ()  # absolute paths; project files below them count whoever owns them
    cache_dir: str = ""
    config_dir: str = ""
    data_dir: str = ""
    state_dir: str = ""

    sources: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)  # (setting, who set it)

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, directory: Path | None = None, **flags: Any) -> Self:
        """The settings in force in `directory`; a flag that is None was not given. A broken file is a UsageError."""
        env = os.environ if env is None else env
        where = str(directory or here())
        stacks, user, *projects = paths.settings_files(env, where)
        settings = replace(cls(), **{name: getattr(paths, name)(env) for name in FOLDERS})
        for stack, values in _stacks_in_force(stacks, where):
            settings = settings.changed(values, stack)
        if trust.counts(user, env, ()):
            settings = settings.changed(_toml(user, USER_MAY), user)
        variables = _environment(env)
        trusted = settings.changed(variables, "the environment").trusted_folders
        project = next((file for file in projects if trust.counts(file, env, trusted)), None)
        if project:
            settings = settings.changed(_narrowed(_toml(project, PROJECT_MAY), settings, project), project)
        settings = settings.changed(variables, "the environment")
        return settings.changed({k: v for k, v in flags.items() if v is not None}, "the command line")

    def changed(self, values: Mapping[str, Any], source: str) -> Self:
        """A copy with `values`, each checked against its field's type; `source` is named in the error."""
        kinds = {f.name: type(f.default) for f in fields(self)}
        checked = {name: _coerced(name, value, kinds[name], source) for name, value in values.items()}
        return replace(self, **checked, sources=(*self.sources, *((name, source) for name in checked)))

    def source(self, name: str) -> str:
        """Who set a setting last: "the environment", a file's path, "the stack NAME", …, or "the default"."""
        return dict(self.sources).get(name, "the default")


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


def _stacks_in_force(path: str, directory: str) -> list[tuple[str, dict[str, str]]]:
    """What `up` recorded of the stacks that count in `directory`, weakest first; a broken record is no record.

    The carried stack counts everywhere, a project's own in its folder and below, where it says where Ollama is and
    nothing else: answers are never written into the Redis of a project.
    """
    try:
        stacks = json.loads(Path(path).read_bytes())["stacks"].items()
        within = [(len(own["folder"]), name, own) for name, own in stacks if own["carried"] or _within(directory, own)]
        ranked = sorted(within, key=lambda stack: (not stack[2]["carried"], stack[:2]))
        return [(f"the stack {name}", _addresses(own)) for _, name, own in ranked]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _within(directory: str, stack: dict[str, Any]) -> bool:
    folder = stack["folder"]
    return bool(folder) and os.path.commonpath((os.path.realpath(directory), folder)) == folder


def _addresses(stack: dict[str, Any]) -> dict[str, str]:
    known = ("ollama_host", "redis_url") if stack["carried"] else ("ollama_host",)
    return {name: stack[name] for name in known if isinstance(stack.get(name), str)}


def settable() -> Iterator[Field[Any]]:
    """The fields that are settings: all but the one that says who set them."""
    return (setting for setting in fields(Settings) if setting.name != "sources")


def _toml(path: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    try:
        if stat.S_ISFIFO(Path(path).stat().st_mode):  # reading it would wait for a writer
            raise OSError("it is a pipe")  # noqa: TRY301 - one message for every file that cannot be read
        import tomllib  # most projects have no such file

        values = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the settings in {path}: {error}", f"mend or move {path}") from error
    known = {f.name for f in settable()}
    for name in values:
        if name not in known:
            raise UsageError(f"{path} sets {name!r}, which is not a setting", f"known: {', '.join(sorted(known))}")
        if name not in allowed:
            raise UsageError(f"{path} may not set {name!r}", f"set {_variable(name)} in the environment instead")
    return values


def _narrowed(values: dict[str, Any], user: Settings, path: str) -> dict[str, Any]:
    """A project's values without what would send or keep more than the user wants."""
    cache, model = values.get("cache"), values.get("ollama_model")
    if cache in CACHES and CACHES.index(cache) < CACHES.index(user.cache):
        values = {**values, "cache": user.cache}
    if isinstance(model, str) and model.lower().strip().endswith((":cloud", "-cloud")):  # the daemon passes these on
        problem = f"{path} may not set 'ollama_model' to {model!r}: prompts would leave this machine for ollama.com"
        raise UsageError(problem, "set SAMPLEMIND_OLLAMA_MODEL in the environment instead")
    return values


def _variable(name: str) -> str:
    """The environment variable that says what a file may not."""
    if name in FOLDERS:
        return f"XDG_{name.removesuffix('_dir').upper()}_HOME"
    return CONVENTIONS.get(name, (f"SAMPLEMIND_{name.upper()}",))[0]


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for setting in settable():
        for variable in (f"SAMPLEMIND_{setting.name.upper()}", *CONVENTIONS.get(setting.name, ())):
            if env.get(variable) and setting.name not in FOLDERS:
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
        shown = "that value" if name in (*SECRETS, *ADDRESSES) else repr(value)
        raise UsageError(f"{source}: {name} cannot be {shown}", f"{name} is {_article(kind)}") from None
    if name == "history" and number not in ("on", "off"):
        raise UsageError(f"{source}: history cannot be {value!r}", "history is on or off")
    if name == "cache" and number not in CACHES:
        raise UsageError(f"{source}: cache cannot be {value!r}", "cache is one of on, off, local")
    return number


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", tuple: "a list of names"}.get(kind, "text")
