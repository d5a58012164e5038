"""Checks a setting's value against its type."""

from typing import Any

from samplemind_cli.errors import UsageError

WORDS = {
    "history": ("on", "off"),
    "cache": ("on", "local", "off"),  # each stores less than the one before
    "on_budget": ("refuse", "local"),
}
_SWITCH = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
_KINDS = {int: "a whole number", float: "a number", tuple: "a list of names", bool: "true or false"}


_SECRETS = ("_api_key", "api_token")
_URLS = ("_base_url", "ollama_host", "redis_url")  # they may contain a password


def checked(name: str, value: Any, kind: type, source: str) -> Any:
    """The value converted to its setting's type. Raises UsageError, which shows no secret."""
    try:
        converted = _read(name, value, kind)
    except (TypeError, ValueError, OverflowError):
        displayed = "that value" if name.endswith((*_SECRETS, *_URLS)) else repr(value)
        raise UsageError(f"{source}: {name} cannot be {displayed}", f"{name} is {_KINDS.get(kind, 'text')}") from None
    if name in WORDS and converted not in WORDS[name]:
        raise UsageError(f"{source}: {name} cannot be {value!r}", f"{name} is {' or '.join(WORDS[name])}")
    return converted


def _read(name: str, value: Any, kind: type) -> Any:
    if kind is tuple:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(map(str, value))
    if kind is bool:
        if not isinstance(value, bool) and str(value).lower() not in _SWITCH:
            raise ValueError
        return _SWITCH[str(value).lower()]
    if kind is str and (not isinstance(value, str) or "\0" in value):
        raise ValueError
    if name.endswith(_SECRETS):  # one read from a file has its line end
        return value.strip()
    number = kind(value)
    truncated = isinstance(value, float) and number != value  # int(1.5)
    if kind in (int, float) and (isinstance(value, bool) or truncated or not 0 <= number < float("inf")):
        raise ValueError
    return number
