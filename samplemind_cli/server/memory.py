"""Keeps responses in memory: a byte-identical request gets the same response while the cache's entry is valid."""

import time
from dataclasses import dataclass, replace

from samplemind_cli import files
from samplemind_cli.ai.types import Answer
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.server.stamped import Stamped

LARGEST = 64 * 1024  # bytes of a request or a response; larger ones are read from the cache
LIFE = 3600.0  # seconds, after which the cache itself is read, which marks the entry as used
OVERHEAD = 2048  # bytes of overhead per response beside its bodies
TIER = "memory"
ONCE = ("x-samplemind-held", "x-samplemind-why")  # headers that describe only the first response


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Reply
    path: str
    mark: tuple[int, int, int]
    until: float
    size: int
    body: Stamped

    def for_request(self, incoming: Incoming, now: float) -> Reply:
        """The response with a new id and time."""
        body = self.body.at(incoming.id.encode(), now)
        return Reply(body, self.reply.status, self.reply.headers, self.reply.kind, self.reply.outcome)


class Memory:
    """At most `bound` bytes of responses; the least recently used is evicted first.

    Each is valid while the local tier's file that holds its answer is unchanged: cleared, refreshed or expired
    there, by any process, it is gone here too.
    """

    def __init__(self, bound: int = 8 * 1024 * 1024) -> None:
        self._bound = bound
        self._held = 0
        self._kept: dict[tuple[str, str, bytes], _Kept] = {}

    def find(self, incoming: Incoming) -> Reply | None:
        """The response to an identical earlier request without caching headers."""
        kept = self._kept.pop(name := _name(incoming), None)
        if kept is None:
            return None
        if (
            (now := time.time()) < kept.until
            and files.identity(kept.path) == kept.mark
            and "cache-control" not in incoming.headers
        ):
            self._kept[name] = kept  # most recently used
            return kept.for_request(incoming, now)
        self._held -= kept.size
        return None

    def keep(self, incoming: Incoming, answer: Answer, reply: Reply, repetition: bytes = b"") -> None:
        """Keep a response whose route cannot change.

        Not kept: an answer that fell back from another provider, or that is in no local file. `repetition` is
        the ledger's record of each repetition.
        """
        size = len(incoming.body) + len(reply.body) + len(reply.outcome.answer) + len(repetition) + OVERHEAD
        untried = all(route.outcome == "untried" for route in answer.passed)
        mark = files.identity(answer.kept.path) if answer.kept else None
        if answer.kept is None or mark is None or not untried or size > LARGEST or "cache-control" in incoming.headers:
            return
        again = replace(
            reply,
            body=b"",  # it is stored in pieces
            headers={n: value for n, value in reply.headers.items() if n not in ONCE} | {"x-samplemind-cache": TIER},
            outcome=replace(
                reply.outcome,
                cache=TIER,
                input_tokens=0,
                output_tokens=0,
                first_token_ms=0.0,
                held=0.0,
                repetition=repetition,
            ),
        )
        name = _name(incoming)
        self._forget(name)
        until = min(answer.kept.expires, time.time() + LIFE)
        self._kept[name] = _Kept(
            again, answer.kept.path, mark, until, size, Stamped.of(reply.body, incoming.id.encode())
        )
        self._held += size
        while self._held > self._bound:
            self._forget(next(iter(self._kept)))

    def _forget(self, name: tuple[str, str, bytes]) -> None:
        if kept := self._kept.pop(name, None):
            self._held -= kept.size


def _name(incoming: Incoming) -> tuple[str, str, bytes]:
    """The request's key, with its client: clients may read different things, and the ledger tells them apart."""
    kind = f"{incoming.headers.get('content-type', '')} {incoming.client}"
    return f"{incoming.path}?{incoming.query}", kind, incoming.body
