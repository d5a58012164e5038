"""What `ask --why` says: in what a question is new, and why its provider had nothing cached."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence

from samplemind_cli.ai import why
from samplemind_cli.ai.nearest import Parts
from samplemind_cli.ai.types import Answer, Chunk, Request, Route


class Newness:
    """Hears an answer's chunks on their way; `known` are the questions that were stored before."""

    def __init__(self, known: Sequence[Parts], request: Request) -> None:
        self._known = known
        self._request = request
        self._route: Route | None = None

    async def heard(self, chunks: AsyncIterable[Chunk]) -> AsyncGenerator[Chunk, None]:
        """The chunks; the first says who answers."""
        async for chunk in chunks:
            self._route = chunk.route or self._route
            yield chunk

    def lines(self, answer: Answer) -> Iterator[str]:
        """What there is to say."""
        if answer.cached or self._route is None:
            yield "why: the same question was answered before"
            return
        yield f"why: {why.of_miss(self._known, self._route, self._request)}"
        if told := why.of_prefix(self._known, self._route, self._request, answer.usage):
            yield f"why {answer.provider} had 0 tokens cached: {told}"
