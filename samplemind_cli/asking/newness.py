"""`ask --why`: how a question differs from stored ones, and why its provider had no tokens cached."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence

from samplemind_cli.ai import why
from samplemind_cli.ai.nearest import Parts
from samplemind_cli.ai.types import Answer, Chunk, Request, Route


class Newness:
    """Watches the chunks of an answer for its route; `stored`: the questions stored before it."""

    def __init__(self, stored: Sequence[Parts], request: Request) -> None:
        self._stored = stored
        self._request = request
        self._route: Route | None = None

    async def watch(self, chunks: AsyncIterable[Chunk]) -> AsyncGenerator[Chunk, None]:
        """The chunks, unchanged."""
        async for chunk in chunks:
            self._route = chunk.route or self._route
            yield chunk

    def lines(self, answer: Answer) -> Iterator[str]:
        """The explanation, after the answer."""
        if answer.cached or self._route is None:
            yield "why: the same question was answered before"
            return
        yield f"why: {why.of_miss(self._stored, self._route, self._request)}"
        if reason := why.of_prefix(self._stored, self._route, self._request, answer.usage):
            yield f"why {answer.provider} had 0 tokens cached: {reason}"
