"""Responses kept in memory: the same bytes asked again get the same answer back, while the cache's entry stands."""

import time
from dataclasses import dataclass, replace

from samplemind_cli import files
from samplemind_cli.ai.types import Answer
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.server.stamped import Stamped

LARGEST = 64 * 1024  # bytes of a request or a response; larger ones are read from the cache
LIFE = 3600.0  # seconds, after which the cache itself is asked, which marks the entry as used
OVERHEAD = 2048  # bytes that a kept response takes beside its bodies
TIER = "memory"
ONCE = ("x-samplemind-held", "x-samplemind-why")  # headers that tell of the first answer alone


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Reply
    path: str
    mark: tuple[int, int, int]
    until: float
    size: int
    body: Stamped

    def for_request(self, incoming: Incoming, now: float) -> Reply:
        """The response with an id and a time of its own."""
        body = self.body.at(incoming.id.encode(), now)
        return Reply(body, self.reply.status, self.reply.headers, self.reply.kind, self.reply.outcome)


class Memory:
    """At most `bound` bytes of responses, the least recently used going first.

    Each is good as long as the local tier's file that holds its answer is the same: cleared, refreshed or expired
    there, by whichever process, it is gone here too.
    """

    def __init__(self, bound: int = 8 * 1024 * 1024) -> None:
        self._bound = bound
        self._held = 0
        self._kept: dict[tuple[str, str, bytes], _Kept] = {}

    def find(self, incoming: Incoming) -> Reply | None:
        """The response to a request that came before and says nothing of caches."""
        kept = self._kept.pop(name := _name(incoming), None)
        if kept is None:
            return None
        if (
            (now := time.time()) < kept.until
            and files.identity(kept.path) == kept.mark
            and "cache-control" not in incoming.headers
        ):
            self._kept[name] = kept  # now the youngest
            return kept.for_request(incoming, now)
        self._held -= kept.size
        return None

    def keep(self, incoming: Incoming, answer: Answer, reply: Reply, repetition: bytes = b"") -> None:
        """Keep a response, unless something that may change stands before it.

        That is a provider that could not answer this time, or an answer that lies in no local file. `repetition` is
        what the ledger is told when it is given again.
        """
        size = len(incoming.body) + len(reply.body) + len(reply.outcome.answer) + len(repetition) + OVERHEAD
        untried = all(route.outcome == "untried" for route in answer.passed)
        mark = files.identity(answer.kept.path) if answer.kept else None
        if answer.kept is None or mark is None or not untried or size > LARGEST or "cache-control" in incoming.headers:
            return
        again = replace(
            reply,
            body=b"",  # it is kept in pieces
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
    """What the request is, and whose: what one client may read another may not, and the ledger tells them apart."""
    kind = f"{incoming.headers.get('content-type', '')} {incoming.client}"
    return f"{incoming.path}?{incoming.query}", kind, incoming.body
