"""Settings.load: defaults < the stacks' record < the user's file < the project's file < the environment < flags."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from samplemind_cli import paths, recorded, trust
from samplemind_cli.errors import UsageError
from samplemind_cli.providers import ROWS, TABLE, Provider, Row, conventions, own_rows
from samplemind_cli.values import WORDS, checked

if TYPE_CHECKING:
    from samplemind_cli.budgets import Budget

WEEK = 604_800

# Customary variables; every setting is also read from SAMPLEMIND_<ITS NAME>, which takes precedence.
CONVENTIONS = {**conventions(ROWS), "compose_project": ("COMPOSE_PROJECT_NAME",)}
KEYS = tuple(row.setting("api_key") for row in ROWS if row.key_variables)
SECRETS = (*KEYS, "api_token")
FOLDERS = ("cache_dir", "config_dir", "data_dir", "state_dir")  # set by the XDG variables
# A cloned project's file must not choose where keys, prompts and answers are sent, which file a native parser loads,
# which programs `up` starts, how much of the user's disk and cache is used, what may be spent, whose files are trusted,
# or which web pages may use `serve`.
USER_ONLY = (
    *(row.url_setting for row in ROWS if row.url_variables),
    *("redis_url", "embedded_model", "cache_size", "trusted_folders"),
    *("compose_file", "compose_profiles", "compose_project"),
    *("history", "history_days", "history_size", "on_budget", "allowed_hosts", "allowed_origins"),
)
# What a project's file may set; any other setting is refused there.
PROJECT_MAY = (
    *(name for row in ROWS for name in row.settings() if name.endswith(("_model", "_rpm"))),
    *("models", "cache", "cache_ttl", "strict_fields"),
    *("connect_timeout", "read_timeout", "local_read_timeout", "deadline"),
)
NONE = ("sources", "strangers", "further")  # fields that are not settings
BLOCKS = "providers"  # the user's own hosts: allowed in the user's file alone
BUDGETS = "budgets"  # spending limits: the same
TABLES = (BLOCKS, BUDGETS)
CACHES = WORDS["cache"]
CLOUD = (":cloud", "-cloud")  # endings of models whose prompts Ollama forwards to ollama.com


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Seconds, bytes and requests per minute; an empty string means "not set"."""

    ollama_host: str = "127.0.0.1:11434"  # HOST:PORT or a URL
    openai_base_url: str = field(default="", repr=False)  # these may contain a password
    anthropic_base_url: str = field(default="", repr=False)
    gemini_base_url: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    anthropic_api_key: str = field(default="", repr=False)
    gemini_api_key: str = field(default="", repr=False)

    ollama_model: str = TABLE[Provider.OLLAMA].model
    gemini_model: str = TABLE[Provider.GEMINI].model
    anthropic_model: str = TABLE[Provider.CLAUDE].model
    openai_model: str = TABLE[Provider.OPENAI].model
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
    strict_fields: bool = False  # a field that would be left out is an error
    ollama_rpm: int = 0  # requests per minute; 0: no limit
    gemini_rpm: int = 0
    anthropic_rpm: int = 0
    openai_rpm: int = 0

    history: str = "on"  # what is written down of each call: on, or off
    history_days: float = 90.0  # how long the ledger keeps a call
    history_size: int = 200 * 1024 * 1024  # the largest size of the ledger
    on_budget: str = "refuse"  # a question over a budget: refuse it, or ask a local model

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

    providers: tuple[Row, ...] = ()  # the user's own hosts
    budgets: "tuple[Budget, ...]" = ()  # spending limits
    further: tuple[tuple[str, Any], ...] = field(default=(), repr=False)  # settings of providers without fields here
    sources: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)  # (setting, who set it)
    strangers: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)  # (HOST:PORT, whose project)

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, directory: Path | None = None, **flags: Any) -> Self:
        """The settings in force in `directory`; a flag that is None was not given. Raises UsageError."""
        env = os.environ if env is None else env
        where = str(directory or here())
        stacks, user, *projects = paths.settings_files(env, where)
        settings = replace(cls(), **{name: getattr(paths, name)(env) for name in FOLDERS})
        settings = replace(settings, strangers=tuple(recorded.strangers(stacks, where).items()))
        for stack, values in recorded.in_force(stacks, where):
            settings = settings.changed(values, stack)
        if trust.counts(user, env, ()):
            settings = settings.changed(_toml(user, (*PROJECT_MAY, *USER_ONLY, *TABLES), ROWS), user)
        variables = _environment(env, settings.rows)
        trusted = settings.changed(variables, "the environment").trusted_folders
        if project := next((file for file in projects if trust.counts(file, env, trusted)), None):
            values = _narrowed(_toml(project, PROJECT_MAY, settings.rows), settings, project)
            settings = settings.changed(values, project)
        settings = settings.changed(variables, "the environment")
        return settings.changed({k: v for k, v in flags.items() if v is not None}, "the command line")

    def changed(self, values: Mapping[str, Any], source: str) -> Self:
        """A copy with `values`, each checked against its type. Raises UsageError, which names `source`."""
        base = replace(self, providers=own_rows(values[BLOCKS], source)) if BLOCKS in values else self
        if BUDGETS in values:
            limits, values = _budgets(values, source)
            base = replace(base, budgets=limits)
        kinds = {setting.name: type(setting.default) for setting in settable(base.rows)}
        new = {n: checked(n, value, kinds[n], source) for n, value in values.items() if n not in TABLES}
        own = {name: new.pop(name) for name in tuple(new) if name not in _FIELDS}
        further = tuple((dict(self.further) | own).items())
        urls = (row.url_setting for row in base.providers) if BLOCKS in values else ()
        sources = (*self.sources, *((name, source) for name in (*urls, *new, *own)))
        return replace(base, **new, further=further, sources=sources)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every provider: those of the table, the user's own before the last resort."""
        return (*ROWS[:-1], *self.providers, ROWS[-1]) if self.providers else ROWS

    def row(self, provider: str) -> Row:
        """One provider, by its name. Raises UsageError."""
        row = TABLE.get(provider) or next((row for row in self.providers if row.name == provider), None)
        if row is None:
            raise UsageError(f"there is no provider {provider!r}", f"known: {', '.join(row.name for row in self.rows)}")
        return row

    def value(self, name: str) -> Any:
        """A setting by its name, also one of a provider without fields here. Raises KeyError."""
        if name in _FIELDS:
            return getattr(self, name)
        defaults = {k: v for row in self.rows for k, v in row.settings().items()}
        return (defaults | dict(self.further))[name]

    def of(self, row: Row, what: str) -> Any:
        """A provider's "model", "api_key", "base_url" or "rpm"; None if it has no such setting."""
        name = row.setting(what)
        return getattr(self, name) if name in _FIELDS else dict(self.further).get(name, row.settings().get(name))

    def configured(self) -> list[Row]:
        """The providers to list for the user: those that tasks are routed to, and others that were set up.

        Of the others, those with a key are fallbacks too, before the last resort; the rest are used by name only.
        """
        core, own = list(Provider), [row.name for row in self.providers]
        return [row for row in self.rows if row.name in core or row.name in own or self.of(row, "api_key")]

    def source(self, name: str) -> str:
        """What set a setting last: "the environment", a file's path, "the stack NAME", …, or "the default"."""
        return dict(self.sources).get(name, "the default")


def here() -> Path:
    """The current folder. Raises UsageError when it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the folder you are in has been removed", 'cd "$PWD", if it was created again') from error


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Set a variable within the block, for a library that reads it while it is imported."""
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


def settable(rows: Iterable[Row] = ROWS) -> Iterator[Field[Any]]:
    """Every setting with its default, including those of providers without fields; tables are not settings."""
    yield from (setting for setting in fields(Settings) if setting.name not in (*NONE, *TABLES))
    for name, default in ((name, default) for row in rows for name, default in row.settings().items()):
        if name not in _FIELDS:
            setting: Field[Any] = field(default=default)
            setting.name = name
            yield setting


_FIELDS = frozenset(setting.name for setting in fields(Settings))


def _budgets(values: Mapping[str, Any], source: str) -> "tuple[tuple[Budget, ...], Mapping[str, Any]]":
    """The budgets in `values`; and the values, with `on_budget` if it is in the budgets' table."""
    from samplemind_cli import budgets  # few have any

    table = values[BUDGETS]
    limits = budgets.read(table, source)
    return limits, {**values, budgets.REFUSE: table[budgets.REFUSE]} if budgets.REFUSE in table else values


def _toml(path: str, allowed: tuple[str, ...], rows: Iterable[Row]) -> dict[str, Any]:
    try:
        text = trust.content(path).decode("utf-8-sig")
        import tomllib  # most projects have no such file

        values = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:  # after `sudo -E` or `su`, HOME may be another user's
        hint = f"fix or move {path}; or is HOME another user's? Then: export HOME=FOLDER, your own"
        raise UsageError(f"cannot read the settings in {path}: {error.strerror}", hint) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the settings in {path}: {error}", f"fix or move {path}") from error
    rows = (*rows, *own_rows(values[BLOCKS], path)) if BLOCKS in values and BLOCKS in allowed else tuple(rows)
    own = [row for row in rows if row.name not in TABLE]
    urls = [row.setting("base_url") for row in own] if BLOCKS in allowed else []
    known = {*(setting.name for setting in settable(rows)), *TABLES}
    may = {*allowed, *(row.setting(what) for row in own for what in ("model", "rpm")), *urls}
    for name in values:
        if name not in known:
            raise UsageError(f"{path} sets {name!r}, which is not a setting", f"known: {', '.join(sorted(known))}")
        if name not in may:
            instead = f"set {_variable(name, rows)} in the environment instead"
            hint = "write it into your own file, not a project's" if name in TABLES else instead
            raise UsageError(f"{path} may not set {name!r}", hint)
    return values


def _narrowed(values: dict[str, Any], user: Settings, path: str) -> dict[str, Any]:
    """A project's values, which may not store more than the user wants, nor send prompts off the machine."""
    cache = values.get("cache")
    if cache in CACHES and CACHES.index(cache) < CACHES.index(user.cache):
        values = {**values, "cache": user.cache}
    for name in (row.setting("model") for row in user.rows if row.local):
        model = values.get(name)
        if isinstance(model, str) and model.lower().strip().endswith(CLOUD):
            problem = f"{path} may not set {name!r} to {model!r}: prompts would leave this machine for ollama.com"
            raise UsageError(problem, f"set SAMPLEMIND_{name.upper()} in the environment instead")
    return values


def _variable(name: str, rows: Iterable[Row]) -> str:
    """The environment variable for a setting that a file may not set."""
    if name in FOLDERS:
        return f"XDG_{name.removesuffix('_dir').upper()}_HOME"
    return _conventions(rows).get(name, (f"SAMPLEMIND_{name.upper()}",))[0]


def _conventions(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    return CONVENTIONS | conventions(rows)


def _environment(env: Mapping[str, str], rows: tuple[Row, ...]) -> dict[str, str]:
    values, customary = {}, _conventions(rows)
    for setting in settable(rows):
        for variable in (f"SAMPLEMIND_{setting.name.upper()}", *customary.get(setting.name, ())):
            if env.get(variable) and setting.name not in FOLDERS:
                values[setting.name] = env[variable]
                break
    return values
