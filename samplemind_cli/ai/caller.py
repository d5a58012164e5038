"""Makes one call to one provider: adapter, rate limit, cooldown, breaker, budget, embedded engine."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from samplemind_cli.ai import embedded, http_client, keys, refused
from samplemind_cli.ai.adapters import CLIENTS, EMBEDDERS
from samplemind_cli.ai.contexts import Contexts
from samplemind_cli.ai.format_choice import FormatChoice, format_of
from samplemind_cli.ai.hearing import Hear, observer
from samplemind_cli.ai.http_client import Patience, UnavailableError
from samplemind_cli.ai.limits import Breakers, Cooldowns, RateLimits
from samplemind_cli.ai.passing import GOES_ON, event_of
from samplemind_cli.ai.refusal import broken_off
from samplemind_cli.ai.spending import Purse
from samplemind_cli.ai.types import (
    Call,
    Chunk,
    Client,
    Endpoint,
    Fault,
    Inputs,
    Options,
    Provider,
    Request,
    Route,
    Usage,
)
from samplemind_cli.errors import CutStreamError, ProviderError, RejectedError, UsageError
from samplemind_cli.formats.refused_fields import PROOF, field_in, without
from samplemind_cli.settings import Settings

ATTEMPTS = 3
NOTICED = 0.001  # seconds; the time for a free slot is not reported
# Notices about the embedded model.
ANSWERS = "answers: a small model. Better: samplemind up ollama, or a provider's key"
VECTORS = "computes the embeddings: good enough for development"
# Faults that open a provider's breaker; None means that no server was reached.
TROUBLE = (None, "overloaded", "server")
Take = Callable[[str, int], Awaitable[float | None]]
# Entered around each call to a provider; its value is called with the chunks. No request: an embedding.
Watch = Callable[[Route, Request | None], AbstractContextManager[Hear]]
_NOTHING = Request(messages=())
_UNWATCHED: AbstractContextManager[Hear] = nullcontext(lambda _: None)


@dataclass(frozen=True, slots=True)
class _Question:
    """A question: the client that asks it, and what makes its call for an endpoint. No request: an embedding."""

    client_name: str
    request: Request | None
    made: Callable[[Endpoint], Call]


class Caller:
    """Makes the calls. See `AICore` for `notify`, `progress` and `watch`.

    `take` takes a slot shared by all machines, by provider and requests per minute: seconds until there is one, 0 when
    it was taken, None where machines share nothing.
    """

    def __init__(
        self,
        settings: Settings,
        notify: Callable[[str], None],
        progress: Callable[[int, int], None] | None,
        take: Take,
        watch: Watch | None = None,
    ) -> None:
        self.breakers = Breakers()
        self.retries: Counter[str] = Counter()
        self._take = take
        self._watch = watch or (lambda _route, _request: _UNWATCHED)
        self._settings = settings
        self._notify = notify
        self._progress = progress
        self._rates = RateLimits()
        self._purse = Purse(settings, notify)
        self._cooldowns = Cooldowns()
        self._refused = refused.Refused()
        self.formats = FormatChoice(settings)
        self._contexts = Contexts()
        self._said: set[bool] = set()  # the embedded engines already announced

    def patience(self, route: Route, deadline: float, options: Options, *, last: bool) -> Patience:
        """The timeouts for a route. One with a fallback is tried only once."""
        s = self._settings
        read = s.local_read_timeout if s.row(route.provider).local else s.read_timeout
        return Patience(
            connect=s.connect_timeout,
            read=read,
            attempts=ATTEMPTS if last else 1,
            deadline=deadline,
            retried=partial(self.retries.update, (route.provider,)),
            counted=self._purse.binds(route, options),
        )

    def check(self, route: Route) -> None:
        """Raise UnavailableError during the provider's cooldown."""
        if wait := self._cooldowns.left(_name(route)):
            raise UnavailableError(f"is rate limited for another {wait:.0f} s", fault=Fault("rate", ""))

    def close(self) -> None:
        """Close the budgets' files."""
        self._purse.close()

    async def chunks(
        self, route: Route, request: Request, patience: Patience, options: Options
    ) -> AsyncGenerator[tuple[Chunk, Any], None]:
        """The chunks of one answer, each with its event where a client of the provider's format can read it as it is.

        A hint that the model refuses is left out, and named on the first chunk, with the format of the events.
        Raises BudgetError before the call, UnavailableError before the first chunk, CutStreamError after it,
        ProviderError for a request that no provider would accept.
        """
        name, begun, left_out, unproved = _name(route), False, frozenset[str](), frozenset[str]()
        await self._contexts.check(route, request)
        while True:
            gone = self._refused.of(name)
            refused_here = gone & request.wishes if gone else gone
            dropped = tuple(sorted((left_out | refused_here).difference(route.dropped)))
            sent = without(request, gone | unproved)
            client = CLIENTS[client_name := self.formats.of(route.provider, route.endpoint, request)]
            spoken = format_of(client_name)
            same = request.source == spoken
            made = partial(_chat, client, sent, gone)
            try:
                question = _Question(client_name, sent, made)
                async with self._events(route, question, patience, options) as (events, observe, held):
                    async for event, read in events:
                        passed = event_of(event, read, client) if same else None
                        for chunk in read.in_order(begun=begun) if read.pieces else (read,):
                            observe(chunk)
                            if chunk.fault:
                                raise broken_off(chunk.fault, route.provider, event, begun=begun)
                            marked = chunk if begun else replace(chunk, held=held, dropped=dropped, origin=spoken)
                            begun = begun or bool(chunk.text or chunk.thinking or chunk.tool_calls or chunk.block)
                            yield marked, passed
                            passed = passed and GOES_ON
            except UnavailableError as error:
                if not (begun or unproved) and error.fault and field_in(error.fault, sent) == PROOF:
                    unproved = frozenset({PROOF})
                    continue
                strict = self._settings.strict_fields
                learned = not begun and self._refused.learns(name, error.fault, sent, strict=strict)
                if not learned and (begun or not self.formats.learns(route, request, error)):
                    await self._contexts.explain(route, error)
                    raise
                left_out = self.formats.left_out(route, request)
            else:
                return

    async def vectors(
        self, route: Route, texts: Inputs, dimensions: int | None, patience: Patience, options: Options
    ) -> tuple[list[list[float]], int | None]:
        """A vector per text, and the counted tokens. Raises as `chunks`."""
        client_name = self._settings.row(route.provider).client
        adapter = EMBEDDERS[client_name]
        made = partial(adapter.embed, texts, dimensions)
        async with self._events(route, _Question(client_name, None, made), patience, options) as (events, observe, _):
            event, said = await anext(events)
            if said.fault:
                raise broken_off(said.fault, route.provider, event, begun=False)
            found, tokens = adapter.read_embeddings(event)
            observe(Chunk(usage=Usage(input_tokens=tokens)))
        if len(found) != len(texts) or not all(found):
            raise ProviderError(f"{route.provider}: {route.endpoint.model} did not return one vector per text")
        if len({len(vector) for vector in found}) > 1:
            raise ProviderError(f"{route.provider}: {route.endpoint.model} returned vectors of different lengths")
        if dimensions not in (None, length := len(found[0])):
            known = f"{route.provider}: vectors of {route.endpoint.model} have {length} dimensions, not {dimensions}"
            raise UsageError(known, "leave `dimensions` out")
        return found, tokens

    @asynccontextmanager
    async def _events(
        self, route: Route, question: _Question, patience: Patience, options: Options
    ) -> AsyncIterator[tuple[AsyncGenerator[tuple[Any, Chunk], None], Hear, float]]:
        """The events of a call, each with what it says, once the provider may be called; the observer of its chunks;
        and the seconds spent waiting for our limit of requests per minute.
        """
        client, request = CLIENTS[question.client_name], question.request
        with self.breakers.trial(_name(route)) as wait:
            if wait:
                raise UnavailableError("has failed repeatedly", fault=Fault("overloaded", ""), wait=wait)
            endpoint = await self._endpoint(route, vectors=request is None)
            clock = asyncio.get_running_loop().time
            began = clock()
            async with await self._slot(route, patience):
                held = clock() - began if self._per_minute(route) else 0.0
                call = question.made(endpoint)
                reader = partial(client.reader, request or _NOTHING)
                events = http_client.events(call, patience, client.fault, reader)
            async with self._purse.call(route, request, call, options, patience.deadline) as counted:
                with self._judged(route, question), self._watch(route, request) as hear, keys.removed_from_errors(call):
                    async with aclosing(events):
                        yield events, observer(hear, counted, call), held if held > NOTICED else 0.0

    @contextmanager
    def _judged(self, route: Route, question: _Question) -> Iterator[None]:
        """Update breaker and cooldown by how a call ends.

        An invalid request is invalid everywhere, unless the reason is a field that this model does not support.
        """
        name, request = _name(route), question.request
        try:
            yield
            self.breakers.answered(name)
        except CutStreamError as error:
            _sign(error, question.client_name)
            self.breakers.failed(name)
            raise
        except UnavailableError as error:
            self._judge(name, error)
            _sign(error, question.client_name)
            if error.fault and error.fault.kind == "request":
                if request and field_in(error.fault, request):
                    error.fault = replace(error.fault, kind="unsupported")
                    raise
                raise RejectedError(f"{route.provider}: {error.message}", "samplemind ask --help") from error
            raise

    def _judge(self, name: str, error: UnavailableError) -> None:
        """Start a cooldown for a rate limit or overload; open the breaker for the provider's own faults."""
        kind = error.fault.kind if error.fault else None
        if kind in ("rate", "quota", "overloaded"):
            self._cooldowns.start(name, error.wait)
        if kind in TROUBLE:
            self.breakers.failed(name)
        else:
            self.breakers.answered(name)

    async def _slot(self, route: Route, patience: Patience) -> AbstractAsyncContextManager[None]:
        """Wait for a slot of the requests per minute. Raises UnavailableError if none is free by the deadline."""
        per_minute = self._per_minute(route)
        wait = await self._take(route.provider, per_minute) if per_minute else None
        if wait is None:
            return self._rates.slot(route.provider, per_minute)
        while wait:
            now = asyncio.get_running_loop().time()
            if patience.deadline is not None and now + wait > patience.deadline:
                raise UnavailableError(
                    "its rate limit (requests per minute) is used up", fault=Fault("rate", ""), wait=wait
                )
            await asyncio.sleep(wait)
            wait = await self._take(route.provider, per_minute)
        return nullcontext()

    def _per_minute(self, route: Route) -> int:
        return self._settings.of(self._settings.row(route.provider), "rpm") or 0

    async def _endpoint(self, route: Route, *, vectors: bool) -> Endpoint:
        """The endpoint; for the embedded model that of its engine for chats or embeddings, which is announced once."""
        if route.provider != Provider.EMBEDDED:
            return route.endpoint
        if vectors not in self._said:
            self._said.add(vectors)
            self._notify(f"{embedded.model_name(self._settings)} {VECTORS if vectors else ANSWERS}")
        try:
            return await embedded.start(self._settings, self._progress, vectors=vectors)
        except ProviderError as error:
            raise UnavailableError(error.message, error.hint) from error


def _sign(error: CutStreamError | UnavailableError, client_name: str) -> None:
    """Say in whose words the provider refused."""
    if error.refusal:
        error.refusal = replace(error.refusal, origin=format_of(client_name))


def _name(route: Route) -> str:
    """The name of a breaker or cooldown: per model and address, so that a bad one does not block the others."""
    return f"{route.name} {route.endpoint.base_url}"


def _chat(client: Client, request: Request, refused_fields: frozenset[str], endpoint: Endpoint) -> Call:
    """The call for a request, without what its model refuses."""
    return refused.cleared(client.chat(request, endpoint), refused_fields)
