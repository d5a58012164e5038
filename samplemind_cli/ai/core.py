"""AICore: route -> cache -> provider -> cache, once for identical requests."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from samplemind_cli.ai import allowed, embedded, http_client, journal, reasons, router, schemas, stored, why
from samplemind_cli.ai.attempt import Attempt, as_request, kept, whole
from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.caller import Caller, Watch
from samplemind_cli.ai.catalog import Catalog
from samplemind_cli.ai.draft import Draft
from samplemind_cli.ai.fit import fit_of
from samplemind_cli.ai.flight import Emit, Flights
from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.question import payload
from samplemind_cli.ai.types import COMPLETE, Answer, Chunk, Embeddings, Inputs, Options, Provider, Request, Route
from samplemind_cli.errors import BudgetError, ProviderError, RejectedError, SettingError
from samplemind_cli.settings import Settings

DEFAULT = Options()
__all__ = ["DEFAULT", "AICore", "as_request"]
_WORST = ("closed", "half-open", "open")


class AICore:
    """Answers requests through the cache and the providers.

    `notify` gets one-line notices for people: a fallback, a small model answering, a failing
    cache. `progress` gets the embedded model's download: bytes done and bytes in all. `watch` is
    entered around each call to a provider, and gets its chunks. `record` gets each request when it has ended;
    by default it goes into the ledger. `long_lived` is the cache's.
    """

    def __init__(  # noqa: PLR0913 - its callbacks
        self,
        settings: Settings | None = None,
        *,
        notify: Callable[[str], None] | None = None,
        progress: Callable[[int, int], None] | None = None,
        watch: Watch | None = None,
        record: Callable[[journal.Record], None] | None = None,
        long_lived: bool = True,
    ) -> None:
        self.settings = settings or Settings.load()
        self._notify = notify or (lambda _: None)
        self._record = record or journal.Journal(self.settings, self._notify).add
        self._cache = Cache(self.settings, self._notify, long_lived=long_lived)
        self._catalog = Catalog(self.settings)
        self.questions = why.Questions(self.settings.cache_dir, off=self.settings.cache == "off")
        self._flights = Flights(Path(self.settings.cache_dir or os.devnull) / "flights.lock")
        self._caller = Caller(self.settings, self._notify, progress, self._cache.take, watch)

    async def ask(self, request: Request | str, options: Options = DEFAULT) -> Answer:
        """The whole answer. Raises ProviderError; NoProviderError when every route failed."""
        answer = None
        async with aclosing(self.stream(request, options)) as chunks:
            async for chunk in chunks:
                answer = chunk.answer
        if answer is None:  # a stream ends with its answer or raises
            raise AssertionError
        return answer

    async def embed(self, texts: Inputs, options: Options, dimensions: int | None = None) -> Embeddings:
        """A vector for each text, by the model that `options` name: Ollama's, OpenAI's or the embedded one."""
        from samplemind_cli.ai.embeddings import Vectors, named

        route = named(self.routes(Request(messages=()), options), options)
        entry = journal.JournalEntry(Request(messages=()), options, time.perf_counter(), route)
        with journal.recorded(entry, self._record, self.questions):
            found = await Vectors(self.settings, self._cache, self._caller).embed(route, texts, dimensions, options)
            entry.vectors(found)
        return found

    def ask_sync(self, request: Request | str, options: Options = DEFAULT) -> Answer:
        """`ask` for scripts without an event loop."""

        async def once() -> Answer:
            try:
                return await self.ask(request, options)
            finally:
                await self.close()

        return asyncio.run(once())

    def stream_sync(self, request: Request | str, options: Options = DEFAULT) -> Iterator[Chunk]:
        """`stream` for scripts without an event loop."""
        with asyncio.Runner() as runner:
            chunks = self.stream(request, options)

            async def following() -> Chunk | None:
                return await anext(chunks, None)

            try:
                while (chunk := runner.run(following())) is not None:
                    yield chunk
            finally:
                runner.run(chunks.aclose())
                runner.run(self.close())

    async def close(self) -> None:
        """Close this event loop's connections."""
        self._caller.close()
        self.questions.flush()
        await self._cache.close()
        await http_client.close_http_client()

    def routes(self, request: Request, options: Options = DEFAULT) -> list[Route]:
        """Every route, first choice first, with the reason for each that would be skipped. Makes no call."""
        found = router.routes(self.settings, options, fit_of(request, self.settings, self._caller.formats))
        return allowed.within((self._settled(route, alone=len(found) == 1) for route in found), options.models)

    def each_provider(self, request: Request | None = None) -> list[Route]:
        """A route to every configured provider, also to those that are only used by name. Makes no call."""
        fit = fit_of(request or Request(messages=()), self.settings, self._caller.formats)
        found = router.each(self.settings, fit)
        return [self._settled(route, alone=False) for route in found]

    async def models(self, routes: Iterable[Route] | None = None) -> list[str]:
        """`provider/model` of every available model, as daemons and hosted providers list them.

        `routes`: of these providers alone.
        """
        return await self._catalog.models(self.each_provider() if routes is None else routes)

    @property
    def breakers(self) -> dict[str, str]:
        """Each provider's circuit breaker, the worst of its models: closed, open or half-open."""
        found = {row.name: _WORST[0] for row in self.settings.configured()}
        for name, state in self._caller.breakers.states().items():
            provider = name.partition("/")[0]
            found[provider] = max(found.get(provider, _WORST[0]), state, key=_WORST.index)
        return found

    @property
    def retries(self) -> dict[str, int]:
        """The number of retries per provider."""
        return dict(self._caller.retries)

    async def cache_answers(self) -> bool | None:
        """Whether the shared cache answers; None without one."""
        return await self._cache.shared_answers()

    def _settled(self, route: Route, *, alone: bool) -> Route:
        if route.provider != Provider.EMBEDDED:
            return route
        try:
            endpoint = replace(route.endpoint, model=embedded.model_name(self.settings))
        except SettingError as error:
            if alone:
                raise
            return router.broken(route, error)
        skipped = route.skipped or embedded.available() or ""
        return replace(route, endpoint=endpoint, skipped=skipped, fix=route.fix or embedded.INSTALL)

    def key(self, route: Route, request: Request) -> str:
        """The cache key of a request on a route."""
        return cache_key(route.provider, payload(route, request))

    async def stream(self, request: Request | str, options: Options = DEFAULT) -> AsyncGenerator[Chunk, None]:
        """The chunks of the answer as they arrive; the last one carries the whole `Answer`.

        A route that fails before its first token falls back to the next; after it the error is raised.
        """
        entry = journal.JournalEntry.of(as_request(request), options.for_one_question())
        deadline = asyncio.get_running_loop().time() + (options.timeout or self.settings.deadline)
        routes = self.routes(entry.request, options)
        failure: ProviderError | SettingError | None = None
        with journal.recorded(entry, self._record, self.questions):
            for i, route in enumerate(routes):
                last = all(later.skipped for later in routes[i + 1 :])
                if route.skipped:
                    self._notify_passed(route, last=last)
                    continue
                entry.route, entry.passed = route, tuple(routes[:i])
                try:
                    async with aclosing(self._on(self._attempt(entry, deadline, last=last), last=last)) as chunks:
                        async for chunk in chunks:
                            if not entry.begun:
                                self._notify_dropped(route, chunk)
                            yield entry.signed(chunk)
                    return  # noqa: TRY300 - the loop goes on after an error alone
                except (ProviderError, SettingError) as error:
                    alone = isinstance(error, SettingError) and len(routes) == 1
                    final = last and not isinstance(error, UnavailableError | SettingError)
                    if isinstance(error, BudgetError):
                        routes[i + 1 :] = self._instead(entry, routes[i + 1 :], error)
                        last = False
                    elif entry.begun or alone or final or isinstance(error, RejectedError):
                        raise
                    failure = error
                    routes[i] = reasons.passed_over(route, error, self.settings.row(route.provider))
                    self._notify_passed(routes[i], last=last)
                except TimeoutError as late:
                    raise ProviderError(f"{route.provider}: no complete answer in time", "raise --timeout") from late
            entry.passed = tuple(routes)
            raise reasons.nobody(routes) from failure

    def _instead(self, entry: journal.JournalEntry, behind: list[Route], over: BudgetError) -> list[Route]:
        """The routes of a request over budget: local models if `on_budget` says so, else none."""
        if self.settings.on_budget != "local":
            raise over
        anywhere = self._local(self.each_provider(entry.request))
        return self._local(behind) or allowed.within(anywhere, entry.options.models)

    def _local(self, routes: Iterable[Route]) -> list[Route]:
        return [route for route in routes if self.settings.row(route.provider).local]

    def _attempt(self, entry: journal.JournalEntry, deadline: float, *, last: bool) -> Attempt:
        route = entry.answering
        patience = self._caller.patience(route, deadline, entry.options, last=last)
        entry.handed_over = time.perf_counter() - entry.started
        entry.attempt = Attempt(route, entry.request, entry.options, patience)
        return entry.attempt

    def _notify_passed(self, route: Route, *, last: bool) -> None:
        """Notify of a fallback and its reason; unconfigured providers are not mentioned."""
        if route.outcome != "untried" and not last:
            self._notify(f"{route.provider}: {route.skipped}; asking the next provider")

    def _notify_dropped(self, route: Route, first: Chunk) -> None:
        """Notify of dropped fields, but not for a cached answer."""
        if first.answer:
            return
        if route.dropped:
            self._notify(f"{route.provider}: left out {', '.join(route.dropped)}, which it does not support")
        if first.dropped:
            self._notify(f"{route.provider}: left out {', '.join(first.dropped)}, which {route.endpoint.model} refuses")

    async def _on(self, attempt: Attempt, *, last: bool) -> AsyncGenerator[Chunk, None]:
        """The answer on one route: from the cache, or from the single call that fetches it."""
        shared = attempt.options.cache == "use"
        if shared and (answer := await self._stored(attempt)):
            yield whole(answer)
            return
        if not last:
            self._caller.check(attempt.route)

        led = False

        async def lead(emit: Emit) -> None:
            nonlocal led
            led = True
            if not shared:
                return await self._fetch(attempt, emit)
            async with self._flights.alone(attempt.key), self._cache.alone(attempt.key):
                if answer := await self._stored(attempt):  # another process was quicker
                    return emit(whole(answer))
                return await self._fetch(attempt, emit)

        while True:
            flight = self._flights.join(attempt.key if shared else object(), lead, attempt.patience.deadline)
            try:
                async with aclosing(flight) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return  # noqa: TRY300 - it goes on after an error alone
            except BudgetError:
                if led:
                    raise
                await asyncio.sleep(0)  # it was another caller's budget: the next one leads

    async def _stored(self, attempt: Attempt) -> Answer | None:
        options = attempt.options
        hit = await self._cache.get(attempt.key, options.ttl if options.max_age is None else options.max_age)
        answer = stored.from_json(hit.value, attempt.key) if hit else None
        return kept(replace(answer, cached=hit.tier), hit) if hit and answer else None

    async def _fetch(self, attempt: Attempt, emit: Emit) -> None:
        """Call the provider, pass its chunks on, and store a complete answer."""
        route, request, options = attempt.route, attempt.request, attempt.options
        draft: Draft | None = None
        async with aclosing(self._caller.chunks(route, request, attempt.patience, options)) as chunks:
            async for chunk, event in chunks:
                draft = draft or Draft.of(request, attempt.key, chunk.origin)
                if entry := draft.add(chunk, event):
                    emit(entry)
        draft = draft or Draft.of(request, attempt.key, "")
        if rest := draft.end():
            emit(rest)
        answer = draft.answer(route.provider, route.endpoint.model)
        schemas.satisfied(answer, request)
        if options.cache != "off" and answer.sound and answer.finish_reason in COMPLETE:
            answer = kept(answer, await self._cache.put(attempt.key, stored.to_json(answer), options.ttl))
            self.questions.keep(attempt.parts, attempt.key)
        emit(Chunk(events=draft.passing.take(), origin=draft.origin, answer=answer))
