"""An answer's events for a client of another format than its provider's, and what of it they could not say."""

from collections.abc import Iterator

from samplemind_cli.ai.types import Chunk, Request
from samplemind_cli.formats.foreign import Interpreter
from samplemind_cli.formats.types import Events, Problem

DROPPED = "x-samplemind-dropped"


def interpreter(request: Request) -> Interpreter:
    """What tells a client the answer to its request."""
    return Interpreter(request.source, json=request.schema is not None or request.json_mode)


def named(headers: dict[str, str], left: tuple[str, ...]) -> dict[str, str]:
    """The headers with what was left out of an answer beside what was left out of its question."""
    return headers | {DROPPED: ", ".join(filter(None, (headers.get(DROPPED), *left)))} if left else headers


class Interpreted:
    """A room's events, told of chunks that its format has words for."""

    def __init__(self, events: Events, request: Request) -> None:
        self.kind = events.kind
        self.waits = events.waits
        self._events = events
        self._interpreter = interpreter(request)
        self._first: tuple[Chunk, list[Chunk]] | None = None

    @property
    def left(self) -> tuple[str, ...]:
        """What could not be said so far."""
        return self._interpreter.left

    def hear(self, first: Chunk) -> tuple[str, ...]:
        """What could not be said of an answer's beginning: there is time to name it among the headers."""
        self._first = (first, list(self._interpreter.chunks(first)))
        return self.left

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events that say what a chunk says."""
        heard = self._first[1] if self._first and self._first[0] is chunk else self._interpreter.chunks(chunk)
        for each in heard:
            yield from self._events.of(each)

    def end(self) -> bytes:
        """See Events."""
        return self._events.end()

    def failed(self, problem: Problem) -> bytes:
        """See Events."""
        return self._events.failed(problem)

    def idle(self) -> bytes:
        """See Events."""
        return self._events.idle()
