"""One request on one route, and stored answers as chunks."""

from dataclasses import dataclass, replace
from functools import cached_property

from samplemind_cli.ai import why
from samplemind_cli.ai.cache import Hit
from samplemind_cli.ai.nearest import Parts
from samplemind_cli.ai.patience import Patience
from samplemind_cli.ai.types import Answer, Chunk, Kept, Message, Options, Request, Route


@dataclass(frozen=True)
class Attempt:
    """One request on one route."""

    route: Route
    request: Request
    options: Options
    key: str
    patience: Patience

    @cached_property
    def parts(self) -> Parts:
        """What `why` compares."""
        return why.parts(self.route, self.request)


def as_request(request: Request | str) -> Request:
    """A prompt as a request of one message; a request as it is."""
    return request if isinstance(request, Request) else Request(messages=(Message("user", request),))


def kept(answer: Answer, hit: Hit | None) -> Answer:
    """The answer with the local file that holds it, if one does."""
    return replace(answer, kept=Kept(hit.path, hit.expires)) if hit and hit.path else answer


def whole(answer: Answer) -> Chunk:
    """A stored answer as the one chunk of its stream: its parts are in `answer`."""
    return Chunk(answer.text, answer.thinking, answer.tool_calls, answer=answer)
