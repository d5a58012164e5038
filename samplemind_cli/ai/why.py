"""Why a request was a cache miss: the first part that differs from the most similar stored request.

Only fingerprints of the parts of recent requests are stored, beside the answers, and removed with them.
"""

import json
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from samplemind_cli import files, spool
from samplemind_cli.ai.cache.entry import prompt_fingerprint
from samplemind_cli.ai.cache.local import QUESTIONS
from samplemind_cli.ai.nearest import Nearest, Parts, StoredQuestion
from samplemind_cli.ai.question import payload
from samplemind_cli.ai.types import Request, Route, Usage

KEPT = 200  # questions
TOGETHER = 16  # written at a time
LARGEST = 1 << 20  # bytes of the file; beyond that its older half is dropped
_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")  # in a field's name, which clients choose and a header tells
WHO = ("provider", "base_url", "model")


class Questions:
    """The requests whose answers were stored; written in batches, as a write costs more than the fingerprints.

    A bad disk or folder makes nothing here raise. Threads may call it at once.
    """

    def __init__(self, cache_dir: str, *, off: bool = False) -> None:
        self._off = off
        self._lines = deque[bytes]()
        self._folder = cache_dir and f"{cache_dir}/{QUESTIONS}"
        self._path = f"{self._folder}/{spool.NAME}"
        self._looking = Lock()
        self._seen = (0, 0)  # the file's inode, and its bytes that were read
        self._nearest = Nearest(KEPT)

    def keep(self, parts: Parts, key: str = "") -> None:
        """Note a question that was stored, under which key."""
        line = {"at": time.time(), "key": key, "parts": parts}
        self._lines.append(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        if len(self._lines) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write the buffered requests."""
        lines = b"".join(_popped(self._lines))
        if not lines or not self._folder:
            return
        with suppress(OSError):
            spool.append(self._folder, lines)
            if Path(self._path).stat().st_size > LARGEST:
                self._shorten()

    def known(self) -> list[Parts]:
        """The last questions, oldest first."""
        with self._looking:
            self._look()
            return [question.parts for question in self._nearest.all()]

    def of_miss(self, parts: Parts, before: float) -> dict[str, str]:
        """As the ledger has it: `why` a question of that moment was new, and the key of its `nearest` one."""
        if self._off:
            return {"why": "the cache is off"}
        with self._looking:
            self._look()
            nearest = self._nearest.to(parts, before)
        return {"why": _explained(parts, nearest), **({"nearest": nearest.key} if nearest and nearest.key else {})}

    def _look(self) -> None:
        """Learn what was written since the last look, here or by another process; what was removed is forgotten."""
        self.flush()
        inode, read = self._seen
        there, _, size = files.identity(self._path) or (0, 0, 0)
        if (there, size) == self._seen:
            return
        if there != inode or size < read:
            self._nearest.clear()
            read = 0
        data = b""
        with suppress(OSError):
            data = files.read(self._path, 4 * LARGEST, float("inf"), read)
        whole = data.rfind(b"\n") + 1  # others may be writing the rest
        for line in data[:whole].splitlines()[-KEPT:]:
            if question := _question(line):
                self._nearest.add(question)
        self._seen = (there, read + whole)

    def _shorten(self) -> None:
        data = files.read(self._path, 4 * LARGEST, float("inf"))
        young = data[-LARGEST // 2 :].partition(b"\n")[2]
        files.write(self._path, young)


def parts(route: Route, request: Request) -> dict[str, str]:
    """A request's parts by name: the route, tools, each message, each option."""
    return parts_of(route.provider, payload(route, request))


def parts_of(provider: str, keyed: Mapping[str, Any]) -> dict[str, str]:
    """As `parts`, of the cache key's payload."""
    body = dict(keyed)
    extra = {_UNSAFE.sub("?", str(name))[:64]: value for name, value in body.pop("extra", {}).items()}
    messages, tools = body.pop("messages"), body.pop("tools", None)
    named: dict[str, Any] = {"provider": str(provider), "base_url": body.pop("base_url")}
    named |= {"model": body.pop("model"), **({"tools": tools} if tools else {})}
    named |= dict(_named(messages))
    return {name: _fingerprint(value) for name, value in {**named, **dict(sorted({**extra, **body}.items()))}.items()}


def of_miss(known: Sequence[Parts], route: Route, request: Request) -> str:
    """The first part that differs from the nearest stored question, in a few words."""
    nearest = Nearest(len(known))
    for other in known:
        nearest.add(StoredQuestion(0.0, "", other))
    mine = parts(route, request)
    return _explained(mine, nearest.to(mine))


def of_prefix(known: Sequence[Parts], route: Route, request: Request, usage: Usage) -> str:
    """What changed since the request with the longest common prefix, if its provider had cached none of it.

    Empty if the provider does not report its cache, or had a hit.
    """
    if usage.cached_tokens != 0:
        return ""
    mine = _beginning(parts(route, request))
    before = [other for other in map(_beginning, known) if _is_akin(mine, other)]
    if not before:
        return ""
    nearest = max(reversed(before), key=lambda other: _in_common(mine, other))
    if (shared := _in_common(mine, nearest)) == len(nearest):
        return "the prefix did not change: providers cache a prefix for minutes, and no short one"
    return f"{nearest[shared][0]} changed since"


def _explained(mine: Parts, nearest: StoredQuestion | None) -> str:
    if nearest is None:
        return "no question is stored yet"
    other = nearest.parts
    for name in [*mine, *(name for name in other if name not in mine)]:
        if mine.get(name) != other.get(name):
            return f"{name} {_difference(name, mine, other)}"
    return "the same question was stored, and its answer has expired or was removed"


def _popped(lines: deque[bytes]) -> Iterator[bytes]:
    with suppress(IndexError):
        while True:
            yield lines.popleft()


def _question(line: bytes) -> StoredQuestion | None:
    """A line of the file; None where it is none. An older version wrote the parts alone."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if not isinstance(document.get("parts"), dict):
        document = {"at": 0.0, "key": "", "parts": document}
    at, key, parts = document.get("at"), document.get("key"), document["parts"]
    if isinstance(at, int | float) and isinstance(key, str) and all(isinstance(v, str) for v in parts.values()):
        return StoredQuestion(at, key, parts)
    return None


def _named(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Messages by name: the instructions before the conversation, and its messages by number."""
    lead = next((n for n, message in enumerate(messages) if message["role"] != "system"), len(messages))
    if lead:
        yield "system", messages[:lead]
    for number, message in enumerate(messages[lead:], 1):
        yield f"message {number}", message


def _beginning(question: Parts) -> list[tuple[str, str]]:
    """The prefix as a provider's cache sees it, in order; absent tools count, too."""
    first = [(name, question.get(name, "")) for name in (*WHO, "tools", "system")]
    return [*first, *((name, value) for name, value in question.items() if name.startswith("message "))]


def _is_akin(mine: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> bool:
    """Whether it is the same model and any part is in common."""
    parts_of_mine = {pair for pair in mine[len(WHO) :] if pair[1]}
    return mine[: len(WHO)] == other[: len(WHO)] and not parts_of_mine.isdisjoint(other)


def _in_common(mine: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> int:
    """The number of leading parts in common."""
    return next((n for n, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), min(len(mine), len(other)))


def _difference(name: str, mine: Parts, nearest: Parts) -> str:
    plural = name == "tools"
    if name not in nearest:
        return "are new" if plural else "is new"
    if name not in mine:
        return "are missing" if plural else "is missing"
    return "differ" if plural else "differs"


def _fingerprint(value: Any) -> str:
    return prompt_fingerprint(value if isinstance(value, dict) else {"": value})[:16]
