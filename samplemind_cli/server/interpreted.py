"""An answer's events in a format other than its provider's, and the parts that this format lacks."""

from collections.abc import Iterator

from samplemind_cli.ai.types import Chunk, Request
from samplemind_cli.formats.foreign import Interpreter
from samplemind_cli.formats.types import Events, Problem

DROPPED = "x-samplemind-dropped"


def interpreter(request: Request) -> Interpreter:
    """The interpreter of the answer to a request into the client's format."""
    return Interpreter(request.source, json=request.schema is not None or request.json_mode)


def named(headers: dict[str, str], left: tuple[str, ...]) -> dict[str, str]:
    """The headers with the dropped parts of the answer added to the dropped fields of the request."""
    return headers | {DROPPED: ", ".join(filter(None, (headers.get(DROPPED), *left)))} if left else headers


class Interpreted:
    """A format's events, made of chunks without the parts that it lacks."""

    def __init__(self, events: Events, request: Request) -> None:
        self.kind = events.kind
        self.waits = events.waits
        self._events = events
        self._interpreter = interpreter(request)
        self._first: tuple[Chunk, list[Chunk]] | None = None

    @property
    def left(self) -> tuple[str, ...]:
        """The parts that were left out so far."""
        return self._interpreter.left

    def interpret_first(self, first: Chunk) -> tuple[str, ...]:
        """Interpret the first chunk before the headers are sent; returns the parts to name there."""
        self._first = (first, list(self._interpreter.chunks(first)))
        return self.left

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk."""
        interpreted = self._first[1] if self._first and self._first[0] is chunk else self._interpreter.chunks(chunk)
        for each in interpreted:
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
