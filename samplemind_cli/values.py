"""A setting's value, checked against its kind."""

from typing import Any

from samplemind_cli.errors import UsageError

WORDS = {
    "history": ("on", "off"),
    "cache": ("on", "local", "off"),  # each keeps less than the one before
    "on_budget": ("refuse", "local"),
}
_SWITCH = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
_KINDS = {int: "a whole number", float: "a number", tuple: "a list of names", bool: "true or false"}


def is_secret(name: str) -> bool:
    """Whether a setting is a key or a token."""
    return name.endswith(("_api_key", "api_token"))


def is_address(name: str) -> bool:
    """Whether a setting says where keys, prompts and answers are sent; it may carry a password."""
    return name.endswith(("_base_url", "ollama_host", "redis_url"))


def checked(name: str, value: Any, kind: type, source: str) -> Any:
    """The value of a setting of this kind. Raises UsageError, which tells no secret."""
    try:
        found = _read(name, value, kind)
    except (TypeError, ValueError, OverflowError):
        shown = "that value" if is_secret(name) or is_address(name) else repr(value)
        raise UsageError(f"{source}: {name} cannot be {shown}", f"{name} is {_KINDS.get(kind, 'text')}") from None
    if name in WORDS and found not in WORDS[name]:
        known = {"history": "on or off", "cache": "one of on, off, local"}.get(name, " or ".join(WORDS[name]))
        raise UsageError(f"{source}: {name} cannot be {value!r}", f"{name} is {known}")
    return found


def _read(name: str, value: Any, kind: type) -> Any:
    if kind is tuple:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(map(str, value))
    if kind is bool:
        if not isinstance(value, bool) and str(value).lower() not in _SWITCH:
            raise ValueError
        return _SWITCH[str(value).lower()]
    if kind is str and (not isinstance(value, str) or "\0" in value):
        raise ValueError
    if is_secret(name):  # out of a file they come with its line's end
        return value.strip()
    number = kind(value)
    cut = isinstance(value, float) and number != value  # int(1.5)
    if kind in (int, float) and (isinstance(value, bool) or cut or not 0 <= number < float("inf")):
        raise ValueError
    return number
