"""Cache keys, and the envelope in which an answer is stored."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import orjson
from blake3 import blake3

PREFIX = "ai:v3:"
VERSION = 3
LONGEST = 10 * 365 * 86_400.0  # seconds; an entry with a longer lifetime is not ours
SKEW = 300.0  # seconds that another machine's clock may be ahead; an entry stored later is a miss


class Hit(NamedTuple):
    """A stored answer: `expires` in unix seconds, `path` the local file that holds it now, or None."""

    value: Any
    tier: Literal["local", "redis"]
    expires: float
    path: str | None


class Entry(NamedTuple):
    """One envelope; `stored` and `expires` in unix seconds."""

    key: str
    stored: float
    expires: float
    value: Any

    def fresh(self, now: float, max_age: float | None = None) -> bool:
        """Whether it may be served at `now`; a clock that was set back makes it a miss, not immortal."""
        if not self.stored - SKEW <= now < self.expires:
            return False
        return max_age is None or now - self.stored <= max_age


def prompt_fingerprint(payload: Mapping[str, Any]) -> str:
    """The BLAKE3 of the payload's JSON with sorted keys, in hex (64 digits).

    A non-string key counts as its JSON text, a lone surrogate as its escape. Raises TypeError for what no JSON
    document holds.
    """
    try:
        text = orjson.dumps(payload, default=_mapping, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate, a key that is no string, a number beyond 64 bits
        text = _canonical(payload).encode()
    return blake3(text).hexdigest()


def cache_key(provider: str, payload: Mapping[str, Any]) -> str:
    """`ai:v3:{provider}:{fingerprint}`."""
    return f"{PREFIX}{provider}:{prompt_fingerprint(payload)}"


def encode(entry: Entry) -> bytes:
    """The envelope as one JSON document. Raises TypeError for a value that is no JSON document."""
    document = {"version": VERSION, **entry._asdict()}
    try:
        return orjson.dumps(document, default=_mapping)
    except TypeError:  # the same
        return json.dumps(document, default=_mapping).encode()


def decode(raw: bytes, key: str | None = None) -> Entry | None:
    """The envelope's entry; None when it is corrupt, of another version, or holds another key than `key`."""
    try:
        document = orjson.loads(raw)
    except ValueError:
        document = _with_surrogates(raw)
    if not isinstance(document, dict) or document.get("version") != VERSION or "value" not in document:
        return None
    found: Any = document.get("key")
    stored: Any = document.get("stored")
    expires: Any = document.get("expires")
    if not isinstance(found, str) or (key is not None and found != key):
        return None
    # Exact types: a bool is an int to isinstance, and no time.
    if type(stored) not in (int, float) or type(expires) not in (int, float) or not 0 <= expires - stored <= LONGEST:
        return None
    return Entry(found, stored, expires, document["value"])


def _mapping(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _canonical(value: Any) -> str:
    """JSON in ASCII with sorted keys, of anything that has a JSON form; ten times slower than orjson."""
    if isinstance(value, Mapping):
        pairs = sorted(
            (json.dumps(k if isinstance(k, str) else _canonical(k)), type(k).__name__, _canonical(v))
            for k, v in value.items()
        )
        return "{" + ",".join(f"{key}:{text}" for key, _, text in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return json.dumps(value)


def _with_surrogates(raw: bytes) -> Any:
    """A document with an escaped lone surrogate, which orjson neither writes nor reads."""
    try:
        return json.loads(raw) if rb"\ud" in raw else None
    except (ValueError, RecursionError):
        return None
