"""Which provider answers, and which stand behind it; pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from samplemind_cli.ai.types import ABILITIES, PRIORITIES, Endpoint, Options, Provider, Route, TaskType
from samplemind_cli.errors import SettingError, UsageError
from samplemind_cli.providers import ROWS, Row, is_address
from samplemind_cli.settings import Settings

__all__ = [
    "PRIORITIES",
    "PROVIDER_URLS",
    "Provider",
    "Route",
    "TaskType",
    "base_url_variable",
    "each",
    "get_provider_url",
    "is_loopback",
    "key_variable",
    "ollama_url",
    "provider_of",
    "route_request",
    "routes",
    "shown",
]

NO_MODEL = "no model"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# The constraints a provider lacks, and the hints it does not get; the endpoint's model may matter.
Fit = Callable[[str, Endpoint], tuple[frozenset[str], tuple[str, ...]]]

PROVIDER_URLS = {row.name: row.url for row in ROWS}

_SPEED = {TaskType.AUDIO_ANALYSIS: Provider.GEMINI, TaskType.CREATIVE: Provider.CLAUDE}
_QUALITY = {TaskType.CREATIVE: Provider.CLAUDE, TaskType.TOOL_CALLING: Provider.OPENAI}
_COST = {TaskType.TOOL_CALLING: Provider.OPENAI}


def route_request(task_type: TaskType, priority: str = "speed") -> Provider:
    """The provider that a task goes to first; an unknown priority means Ollama."""
    match priority:
        case "speed":
            return _SPEED.get(task_type, Provider.OLLAMA)
        case "quality":
            return _QUALITY.get(task_type, Provider.GEMINI)
        case "cost":
            return _COST.get(task_type, Provider.OLLAMA)
    return Provider.OLLAMA


def get_provider_url(provider: str, settings: Settings | None = None) -> str:
    """A provider's base URL: from `settings`, or its public address."""
    if settings is None or provider == Provider.EMBEDDED:
        return PROVIDER_URLS[provider]
    if provider == Provider.OLLAMA:
        return ollama_url(settings.ollama_host)
    row = settings.row(provider)
    url: str = settings.of(row, "base_url").strip().rstrip("/") or row.url
    if not is_address(url):
        raise SettingError(f"{base_url_variable(row)} is not a valid URL", "it is like https://host/v1")
    return url


def is_loopback(url: str) -> bool:
    """Whether a URL's host is loopback, such as a container's published port."""
    return urlsplit(url).hostname in LOOPBACK


def shown(url: str) -> str:
    """A URL without its credentials, for errors and reports."""
    return re.sub("(?<=//)[^/?#]*@", "", url, count=1)


def key_variable(row: Row) -> str:
    """The environment variable that holds a provider's key."""
    return row.key_variables[0]


def base_url_variable(row: Row) -> str:
    """The environment variable of a provider's base URL."""
    return row.url_variables[0]


def ollama_url(host: str) -> str:
    """OLLAMA_HOST as Ollama reads it: scheme and port may be missing; 0.0.0.0, where it listens, becomes loopback."""
    text = host.strip().strip("\"'")
    try:
        bare = f"[{text}]" if text.count(":") > 1 and not {"[", "/", "."} & set(text) else text  # ::1
        url = urlsplit(bare if "://" in bare else f"http://{bare}")
        port = url.port
        if url.scheme not in ("http", "https") or not text.isprintable() or " " in text:
            raise ValueError("it is a host, or begins with http:// or https://")  # noqa: TRY301 - one message
    except ValueError as error:
        message = "OLLAMA_HOST is not a valid address"  # of one with a password both would show pieces
        message = message if "@" in host else f"OLLAMA_HOST {host!r} is not a valid address: {error}"
        raise SettingError(message, "OLLAMA_HOST=127.0.0.1:11434") from error
    everywhere = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never bound, only asked
    name = everywhere.get(url.hostname, url.hostname)
    default = {"http": 80, "https": 443}.get(url.scheme, 11434) if "://" in text else 11434
    return f"{url.scheme}://{f'[{name}]' if ':' in str(name) else name}:{port or default}{url.path.rstrip('/')}"


def provider_of(model: str, rows: Sequence[Row] = ROWS) -> tuple[str, str]:
    """The provider that a bare model name means, and the name there; "openai/gpt-5" says both itself."""
    named, slash, rest = model.partition("/")
    for row in rows:
        if slash and rest and named == row.name:
            return row.name, rest
    for row in rows:
        if row.prefixes and model.startswith(row.prefixes):
            return row.name, model
    return Provider.OLLAMA, model


def routes(settings: Settings, options: Options, fit: Fit) -> list[Route]:
    """The routes, first choice first, including those that must be skipped.

    A provider or model chosen by name is the only route; its SettingError is raised. A provider that no task
    maps to is a fallback only if it has a key.
    """
    chosen = _chosen(settings, options)
    if chosen is not None:
        return [_route(settings.row(chosen[0]), chosen[1], settings, fit)]
    first = route_request(TaskType(options.task), options.priority)
    if not options.fallback:
        return [_route(settings.row(first), "", settings, fit)]
    others = [row for row in settings.configured() if row.name != first and _stands_in(row, settings)]
    found = [_among_others(row, settings, fit) for row in (settings.row(first), *others)]
    return _kept_local(found, settings)


def each(settings: Settings, fit: Fit) -> list[Route]:
    """A route to every configured provider, also to those that are only used by name."""
    return [_among_others(row, settings, fit) for row in settings.configured()]


def _stands_in(row: Row, settings: Settings) -> bool:
    return row.name in list(Provider) or bool(settings.of(row, "api_key"))


def _kept_local(found: list[Route], settings: Settings) -> list[Route]:
    """A prompt for this machine does not go to a paid provider only because of one parameter."""
    first = found[0]
    if not settings.row(first.provider).local or not first.lacks or first.lacks & ABILITIES:
        return found
    why = f"not used only for {' or '.join(sorted(first.lacks))}: the prompt would leave this machine"
    return [
        route if settings.row(route.provider).local or route.skipped else replace(route, skipped=why, lacks=first.lacks)
        for route in found
    ]


def broken(route: Route, error: SettingError) -> Route:
    """A route with invalid settings, with the reason and the fix."""
    return replace(route, skipped=error.message, fix=error.hint or "", outcome="failed")


def _among_others(row: Row, settings: Settings, fit: Fit) -> Route:
    try:
        return _route(row, "", settings, fit)
    except SettingError as error:
        return broken(Route(row.name, Endpoint("", settings.of(row, "model"))), error)


def _stranger(row: Row, endpoint: Endpoint, settings: Settings) -> str:
    """The other project that uses Ollama's default address; empty where none does, or the user chose the address."""
    if row.name != Provider.OLLAMA or settings.source(row.url_setting) != "the default":
        return ""
    return dict(settings.strangers).get(urlsplit(endpoint.base_url).netloc, "")


def _chosen(settings: Settings, options: Options) -> tuple[str, str] | None:
    if options.provider:
        provider = settings.row(options.provider).name
        if options.model and provider == Provider.EMBEDDED:
            raise UsageError(
                "the embedded model is chosen by its file", "set SAMPLEMIND_EMBEDDED_MODEL to a .gguf file"
            )
        return provider, options.model.removeprefix(f"{provider}/")
    return provider_of(options.model, settings.rows) if options.model else None


def _route(row: Row, model: str, settings: Settings, fit: Fit) -> Route:
    key = settings.of(row, "api_key") or ""
    endpoint = Endpoint(get_provider_url(row.name, settings), model or settings.of(row, "model"), key)
    lacks, dropped = fit(row.name, endpoint)
    if lacks:
        why = f"does not support {' or '.join(sorted(lacks))}"
        return Route(row.name, endpoint, why, "choose another --provider", lacks=lacks)
    route = Route(row.name, endpoint, dropped=dropped)
    if whose := _stranger(row, endpoint, settings):
        why = f"{shown(endpoint.base_url)} is a container of the project {whose}"
        return replace(route, skipped=why, fix="stop that project's stack, or export OLLAMA_HOST=… to use it")
    # A server of one's own may need no key.
    own_server = row.format in ("openai_chat", "openai_responses") and settings.of(row, "base_url")
    if row.needs_key and not key and not own_server:
        return replace(route, skipped="no key", fix=f"export {key_variable(row)}=…")
    if not endpoint.model and row.name != Provider.EMBEDDED:
        return replace(route, skipped=NO_MODEL, fix=f"name one: --model {row.name}/NAME")
    return route
