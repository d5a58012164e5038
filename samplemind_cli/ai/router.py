"""Which provider answers, and which stand behind it; pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from samplemind_cli.ai.types import ABILITIES, PRIORITIES, Endpoint, Options, Provider, Route, TaskType
from samplemind_cli.errors import SettingError, UsageError
from samplemind_cli.settings import Settings

__all__ = [
    "PRIORITIES",
    "PROVIDER_URLS",
    "Provider",
    "Route",
    "TaskType",
    "base_url_variable",
    "get_provider_url",
    "is_loopback",
    "key_variable",
    "ollama_url",
    "provider_of",
    "route_request",
    "routes",
    "shown",
]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LOCAL = (Provider.OLLAMA, Provider.EMBEDDED)
# What a provider does not take of a request, and what it is not told; an endpoint's model may matter.
Fit = Callable[[Provider, Endpoint], tuple[frozenset[str], tuple[str, ...]]]

# Base URLs as the adapters expect them. The embedded model has no address until its engine runs.
PROVIDER_URLS = {
    Provider.OLLAMA: "http://127.0.0.1:11434",
    Provider.GEMINI: "https://generativelanguage.googleapis.com",
    Provider.CLAUDE: "https://api.anthropic.com",
    Provider.OPENAI: "https://api.openai.com/v1",
    Provider.EMBEDDED: "embedded:",
}

_SPEED = {TaskType.AUDIO_ANALYSIS: Provider.GEMINI, TaskType.CREATIVE: Provider.CLAUDE}
_QUALITY = {TaskType.CREATIVE: Provider.CLAUDE, TaskType.TOOL_CALLING: Provider.OPENAI}
_COST = {TaskType.TOOL_CALLING: Provider.OPENAI}

# How hosted models are named; whatever is named otherwise is Ollama's.
_PREFIXES = {
    ("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-"): Provider.OPENAI,
    ("claude-",): Provider.CLAUDE,
    ("gemini-",): Provider.GEMINI,
}


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


def get_provider_url(provider: Provider, settings: Settings | None = None) -> str:
    """A provider's base URL: where `settings` say it is, or its public address."""
    if settings is None or provider is Provider.EMBEDDED:
        return PROVIDER_URLS[provider]
    if provider is Provider.OLLAMA:
        return ollama_url(settings.ollama_host)
    told: str = getattr(settings, f"{provider}_base_url").strip().rstrip("/") or PROVIDER_URLS[provider]
    try:
        url = urlsplit(told)
        if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
            raise ValueError  # noqa: TRY301 - one message
    except ValueError:
        raise SettingError(f"{base_url_variable(provider)} is no address", "it is like https://host/v1") from None
    return told


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by name; a container's published port is, too."""
    return urlsplit(url).hostname in LOOPBACK


def shown(url: str) -> str:
    """A URL as errors and reports may name it: without who may use it."""
    return re.sub("(?<=//)[^/?#]*@", "", url, count=1)


def key_variable(provider: Provider) -> str:
    """The environment variable that holds a provider's key."""
    return f"{provider.upper()}_API_KEY"


def base_url_variable(provider: Provider) -> str:
    """The environment variable that says where a provider is."""
    return "OLLAMA_HOST" if provider is Provider.OLLAMA else f"{provider.upper()}_BASE_URL"


def ollama_url(host: str) -> str:
    """OLLAMA_HOST as Ollama reads it: scheme and port may be missing; 0.0.0.0 is where it listens, not where it is."""
    text = host.strip().strip("\"'")
    try:
        bare = f"[{text}]" if text.count(":") > 1 and not {"[", "/", "."} & set(text) else text  # ::1
        url = urlsplit(bare if "://" in bare else f"http://{bare}")
        port = url.port
        if url.scheme not in ("http", "https") or not text.isprintable() or " " in text:
            raise ValueError("it is a host, or begins with http:// or https://")  # noqa: TRY301 - one message
    except ValueError as error:
        raise SettingError(f"OLLAMA_HOST {host!r} is no address: {error}", "OLLAMA_HOST=127.0.0.1:11434") from error
    everywhere = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never bound, only asked
    name = everywhere.get(url.hostname, url.hostname)
    default = {"http": 80, "https": 443}.get(url.scheme, 11434) if "://" in text else 11434
    return f"{url.scheme}://{f'[{name}]' if ':' in str(name) else name}:{port or default}{url.path.rstrip('/')}"


def provider_of(model: str) -> tuple[Provider, str]:
    """The provider that a bare model name means, and the name there; "openai/gpt-5" says both itself."""
    named, slash, rest = model.partition("/")
    if slash and rest and named in list(Provider):
        return Provider(named), rest
    for prefixes, provider in _PREFIXES.items():
        if model.startswith(prefixes):
            return provider, model
    return Provider.OLLAMA, model


def routes(settings: Settings, options: Options, fit: Fit) -> list[Route]:
    """The ways to an answer, first choice first, those that must be skipped included.

    A provider or model that was asked for by name stands alone; its SettingError is raised.
    """
    chosen = _chosen(options)
    if chosen is not None:
        return [_route(chosen[0], chosen[1], settings, fit)]
    first = route_request(TaskType(options.task), options.priority)
    if not options.fallback:
        return [_route(first, "", settings, fit)]
    order = [first, *(p for p in Provider if p is not first)]
    return _kept_local([_among_others(provider, settings, fit) for provider in order])


def _kept_local(found: list[Route]) -> list[Route]:
    """A question that would go to this machine does not go to a paid provider for one parameter alone."""
    first = found[0]
    if first.provider not in LOCAL or not first.lacks or first.lacks & ABILITIES:
        return found
    why = f"not asked for {' or '.join(sorted(first.lacks))} alone: the question would leave this machine"
    return [
        route if route.provider in LOCAL or route.skipped else replace(route, skipped=why, lacks=first.lacks)
        for route in found
    ]


def broken(route: Route, error: SettingError) -> Route:
    """A route whose settings cannot be used, marked with why and with what would help."""
    return replace(route, skipped=error.message, fix=error.hint or "", outcome="failed")


def _among_others(provider: Provider, settings: Settings, fit: Fit) -> Route:
    try:
        return _route(provider, "", settings, fit)
    except SettingError as error:
        return broken(Route(provider, Endpoint("", getattr(settings, f"{provider}_model"))), error)


def _chosen(options: Options) -> tuple[Provider, str] | None:
    if options.provider:
        provider = Provider(options.provider)
        if options.model and provider is Provider.EMBEDDED:
            raise UsageError(
                "the embedded model is chosen by its file", "set SAMPLEMIND_EMBEDDED_MODEL to a .gguf file"
            )
        return provider, options.model.removeprefix(f"{provider}/")
    return provider_of(options.model) if options.model else None


def _route(provider: Provider, model: str, settings: Settings, fit: Fit) -> Route:
    model = model or getattr(settings, f"{provider}_model")
    key = getattr(settings, f"{provider}_api_key", "")
    endpoint = Endpoint(get_provider_url(provider, settings), model, key)
    lacks, dropped = fit(provider, endpoint)
    if lacks:
        why = f"takes no {' or '.join(sorted(lacks))}"
        return Route(provider, endpoint, why, "choose another --provider", lacks=lacks)
    route = Route(provider, endpoint, dropped=dropped)
    own_server = provider is Provider.OPENAI and settings.openai_base_url  # it may need no key
    if not key and provider not in LOCAL and not own_server:
        return replace(route, skipped="no key", fix=f"export {key_variable(provider)}=…")
    return route
