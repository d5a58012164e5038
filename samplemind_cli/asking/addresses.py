"""The addresses to which prompts and answers go, and what set each: the environment, a file, a stack or the default."""

from samplemind_cli.ai.router import get_provider_url, shown
from samplemind_cli.errors import SettingError
from samplemind_cli.settings import Settings


def provider_address(settings: Settings, provider: str) -> str:
    """As in `http://127.0.0.1:11434 (the stack shop)`. Raises SettingError."""
    source = settings.source(settings.row(provider).url_setting)
    return f"{shown(get_provider_url(provider, settings))} ({source})"


def redis_address(settings: Settings) -> str:
    """As in `redis://127.0.0.1:6379/0 (the environment)`, without the password; "" if no Redis is used."""
    if not settings.redis_url or settings.cache != "on":
        return ""
    from samplemind_cli.ai.cache.address import Address

    try:
        return f"{Address.read(settings.redis_url)} ({settings.source('redis_url')})"
    except ValueError:
        return ""


def in_one_line(settings: Settings, provider: str) -> str:
    """Both, as they follow an answer's provenance; "" if the provider's is invalid."""
    redis = redis_address(settings)
    try:
        return f"; at {provider_address(settings, provider)}{f'; Redis at {redis}' if redis else ''}"
    except SettingError:
        return ""
