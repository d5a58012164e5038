"""One request on one route, and stored answers as chunks."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from samplemind_cli.ai import why
from samplemind_cli.ai.cache import Hit, cache_key
from samplemind_cli.ai.nearest import Parts
from samplemind_cli.ai.patience import Patience
from samplemind_cli.ai.question import payload
from samplemind_cli.ai.types import Answer, Chunk, Kept, Message, Options, Request, Route


@dataclass(frozen=True)
class Attempt:
    """One request on one route."""

    route: Route
    request: Request
    options: Options
    patience: Patience

    @cached_property
    def payload(self) -> dict[str, Any]:
        """Everything that may change the answer."""
        return payload(self.route, self.request)

    @cached_property
    def key(self) -> str:
        """The cache key."""
        return cache_key(self.route.provider, self.payload)

    @cached_property
    def parts(self) -> Parts:
        """What `why` compares."""
        return why.parts_of(self.route.provider, self.payload)


def as_request(request: Request | str) -> Request:
    """A prompt as a request of one message; a request as it is."""
    return request if isinstance(request, Request) else Request(messages=(Message("user", request),))


def kept(answer: Answer, hit: Hit | None) -> Answer:
    """The answer with the local file that holds it, if one does."""
    return replace(answer, kept=Kept(hit.path, hit.expires)) if hit and hit.path else answer


def whole(answer: Answer) -> Chunk:
    """A stored answer as the one chunk of its stream: its parts are in `answer`."""
    return Chunk(answer.text, answer.thinking, answer.tool_calls, answer=answer)
