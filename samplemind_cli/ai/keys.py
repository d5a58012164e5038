"""Removes a call's key from everything that is reported about it."""

import html
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.types import Call, Fault
from samplemind_cli.errors import CutStreamError, ProviderError
from samplemind_cli.formats.likely_keys import without_likely_keys

REMOVED = "[key]"  # as `formats.faults` writes it
PART = 8  # characters: a run of this length of a key is removed, too
SHORTEST = 4  # characters; a shorter key is removed only as a separate word
DEEPEST = 12  # nesting depth of an error's body
_SCHEMES = ("bearer", "basic", "token")  # before a key in a header
# Headers and query parameters that hold a key.
_SECRET = re.compile("auth|key|token|secret|cookie|credential|passw|sig", re.IGNORECASE)


def without_keys(text: str, call: Call) -> str:
    """The text without the keys of the call: whole, in parts, and as URLs, JSON, HTML and base64 write them."""
    secrets = set(_secrets(call))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < SHORTEST:
            text = _without_word(text, secret)
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    return _without_parts(text, forms) if forms else text


@contextmanager
def removed_from_errors(call: Call) -> Iterator[None]:
    """Remove the call's keys from every ProviderError raised inside."""
    try:
        yield
    except ProviderError as error:
        error.message = without_keys(error.message, call)
        error.args = (error.message,)
        if isinstance(error, UnavailableError | CutStreamError) and error.fault:
            error.fault = removed_from_fault(error.fault, call)
        if isinstance(error, UnavailableError | CutStreamError) and error.refusal:
            error.refusal = replace(error.refusal, body=_without(error.refusal.body, call))
        raise


def removed_from_fault(fault: Fault, call: Call) -> Fault:
    """The fault without the keys of the call in its message."""
    return replace(fault, message=without_keys(fault.message, call))


def _without(value: Any, call: Call, depth: int = 0) -> Any:
    """An error's body without the call's keys and whatever looks like a key; deeply nested values are removed."""
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return without_likely_keys(without_keys(value, call))
    if isinstance(value, list):
        return [_without(item, call, depth + 1) for item in value]
    if isinstance(value, dict):
        return {without_keys(name, call): _without(inner, call, depth + 1) for name, inner in value.items()}
    return value


def _secrets(call: Call) -> Iterator[str]:
    """The secrets in the call's headers and URL."""
    for name, value in call.headers.items():
        if _SECRET.search(name):
            scheme, _, rest = value.partition(" ")
            yield rest.strip() if scheme.lower() in _SCHEMES else value
            if scheme.lower() == "basic":
                with suppress(ValueError):
                    yield b64decode(rest).decode().partition(":")[2]
    with suppress(ValueError):
        url = urlsplit(call.url)
        yield from (unquote(value) for value in (url.username, url.password) if value)
        yield from (value for name, value in parse_qsl(url.query) if _SECRET.search(name))


def _forms(secret: str) -> set[str]:
    """Every encoding of a secret."""
    data = secret.encode()
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), json.dumps(secret)[1:-1]}
    written.add(secret.replace("/", "\\/"))
    for shift in range(3):  # base64 of a longer text, in which it begins anywhere
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(bytes(shift) + data).decode()
            written.add(text[shift and shift + 1 :].rstrip("="))
    return {form for text in written for form in (text, text.lower(), text.upper()) if form}


def _without_parts(text: str, forms: set[str]) -> str:
    """The text without each form, and each row of `PART` characters of one."""
    whole = {form for form in forms if len(form) < PART}
    parts = {form[i : i + PART] for form in forms for i in range(len(form) - PART + 1)}
    hidden = bytearray(len(text))
    for i in range(len(text)):
        if text[i : i + PART] in parts:
            hidden[i : i + PART] = b"\1" * min(PART, len(text) - i)
    for form in whole:
        at = text.find(form)
        while at >= 0:
            hidden[at : at + len(form)] = b"\1" * len(form)
            at = text.find(form, at + 1)
    cleaned = (REMOVED if hidden[i] else char for i, char in enumerate(text) if not (hidden[i] and i and hidden[i - 1]))
    return "".join(cleaned)


def _without_word(text: str, secret: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", REMOVED, text) if secret else text
