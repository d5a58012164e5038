"""Chats in every client format: the format's room reads the request and writes the response; the core answers."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from samplemind_cli.ai import costs, journal, why
from samplemind_cli.ai.allowed import allows
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.model_names import CHOOSING, options_for
from samplemind_cli.ai.nearest import Parts
from samplemind_cli.ai.types import Answer, Chunk, Options, Origin, Request
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import Fields, document
from samplemind_cli.formats.headers import headed
from samplemind_cli.formats.types import Server
from samplemind_cli.server import provenance
from samplemind_cli.server.content import answer_text
from samplemind_cli.server.failure import problem
from samplemind_cli.server.interpreted import Interpreted, interpreter, named
from samplemind_cli.server.memory import Memory
from samplemind_cli.server.message import Handler, Incoming, Outcome, Reply, Stream

DEADLINE = "x-samplemind-timeout"
WHY = "x-samplemind-why"  # a request header: why the question was not cached
COST = "x-samplemind-cost"  # a request header: the cost; looking up a price takes longer than a hit
NAMED = 128  # characters of a session's or an agent's name that are stored
IDLE = 15.0  # seconds of a provider's silence after which the client is sent a ping
_FIELDS = Callable[[Incoming, Fields], Fields]
# The headers in which agents name the conversation and the agent of a request.
SESSIONS = ("x-claude-code-session-id", "session_id", "conversation_id", "x-session-id")
AGENTS = ("x-claude-code-agent-id", "x-agent-id")


class Chats:
    """Handlers for chats. `content`: the outcome holds the answer's text; `keep`: the ledger does, too."""

    def __init__(self, core: AICore, memory: Memory, *, content: bool, keep: bool = False) -> None:
        self._core = core
        self._memory = memory
        self._content = content
        self._kept = keep

    def handler(self, room: Server, fields_of: _FIELDS = lambda _, fields: fields) -> Handler:
        """The handler of one route. `fields_of` adds the path's parameters to the body's fields."""

        async def handle(incoming: Incoming) -> Reply | Stream:
            return await self._handle(incoming, room, fields_of(incoming, document(incoming.body)))

        return handle

    async def _handle(self, incoming: Incoming, room: Server, fields: Fields) -> Reply | Stream:
        request = headed(room.read(fields), incoming.headers)
        incoming.format = request.source
        options = options_for(fields.need("model", str), self.options(incoming))
        if not room.streams(fields):
            answer, headers, outcome = await self.whole(incoming, request, options)
            reply = Reply(room.whole(answer, incoming.id, fields), headers=headers, outcome=outcome)
            self._keep(incoming, request, options, answer, reply)
            return await self._priced(incoming, answer, reply)
        known = self._known(incoming)
        events = Interpreted(room.events(incoming.id, options.model or "auto", fields), request)
        chunks = self._core.stream(request, options)
        source = _with_pauses(chunks) if events.waits else chunks
        first = await anext(source)
        if first is None:  # pings are sent before it is known who answers
            outcome = Outcome(model=options.model or "auto")
            return Stream(self._events(incoming, first, source, events, outcome), {}, outcome, events.kind)
        headers, outcome = opened(first)
        headers |= _why(known, first, request)
        headers = named(headers, events.interpret_first(first))
        if first.answer is None:
            return Stream(self._events(incoming, first, source, events, outcome), headers, outcome, events.kind)
        await source.aclose()
        count(outcome, first.answer, content=self._content)
        outcome.left_out = events.left
        body = b"".join(events.of(first)) + events.end()
        reply = Reply(body, headers=headers, kind=events.kind, outcome=outcome)
        self._keep(incoming, request, options, first.answer, reply)
        return reply

    async def whole(
        self, incoming: Incoming, request: Request, options: Options
    ) -> tuple[Answer, dict[str, str], Outcome]:
        """The whole answer, its provenance headers, and what is counted of it."""
        outcome, answer, route = Outcome(), None, None
        headers, known = dict[str, str](), self._known(incoming)
        async with aclosing(self._core.stream(request, options)) as chunks:
            async for chunk in chunks:
                if chunk.route:
                    headers, outcome = opened(chunk)
                    headers |= _why(known, chunk, request)
                    route = chunk.route
                _clock(outcome, incoming.began, chunk)
                answer = chunk.answer
        if answer is None:  # a stream ends with its answer or raises
            raise AssertionError
        count(outcome, answer, content=self._content)
        cold = why.of_prefix(known, route, request, answer.usage) if known and route and not answer.cached else ""
        if cold:
            headers[WHY] += f"; 0 tokens cached by {answer.provider}: {cold}"
        interpreting = interpreter(request)
        interpreted, outcome.left_out = interpreting.answer(answer), interpreting.left
        return interpreted, named(headers, outcome.left_out), outcome

    def _known(self, incoming: Incoming) -> Sequence[Parts] | None:
        """The stored questions, for a client that requests why its own was not cached.

        Not for a client with a named key: it would learn the prompts of others.
        """
        return self._core.questions.known() if WHY in incoming.headers and not incoming.key else None

    async def _priced(self, incoming: Incoming, answer: Answer, reply: Reply) -> Reply:
        """The response with the cost of the answer, if the client requests it."""
        if COST in incoming.headers:
            cost = await asyncio.to_thread(costs.dollars, self._core.settings, answer)
            reply.headers |= {} if cost is None else {COST: f"{cost:.9f}"}
        return reply

    async def _events(
        self,
        incoming: Incoming,
        first: Chunk | None,
        rest: AsyncGenerator[Chunk | None, None],
        events: Interpreted,
        outcome: Outcome,
    ) -> AsyncGenerator[bytes, None]:
        """A stream's events; an error after the first one is the last event."""
        try:
            async with aclosing(rest):
                for event in self._events_of(incoming, first, events, outcome):
                    yield event
                async for chunk in rest:
                    for event in self._events_of(incoming, chunk, events, outcome):
                        yield event
            if end := events.end():  # an empty chunk would end the body
                yield end
        except SamplemindError as error:
            failed = problem(error, incoming.format)
            outcome.error = str(failed.code)
            yield events.failed(failed.facts)

    def _events_of(
        self, incoming: Incoming, chunk: Chunk | None, events: Interpreted, outcome: Outcome
    ) -> Iterable[bytes]:
        if chunk is None:
            return (events.idle(),)
        if chunk.route:
            outcome.provider, outcome.model = chunk.route.provider, chunk.route.endpoint.model
            outcome.cache, outcome.held = provenance.tier(chunk), chunk.held
        _clock(outcome, incoming.began, chunk)
        if chunk.answer:
            count(outcome, chunk.answer, content=self._content)
            outcome.ended = True
            outcome.left_out = events.left
        return events.of(chunk)

    async def models(self, incoming: Incoming) -> list[str]:
        """The names a client may use as a model: the routing words, and every model available to it."""
        patterns = incoming.key.models if incoming.key else ()
        found = (name for name in await self._core.models() if allows(patterns, name))
        return [*CHOOSING, *found]

    def options(self, incoming: Incoming) -> Options:
        """The options in the headers: RFC 9111's Cache-Control, the deadline, the client's name."""
        headers, longest = incoming.headers, self._core.settings.deadline
        timeout = min(
            Fields({DEADLINE: _number(headers.get(DEADLINE))}).number(DEADLINE, 0.001, 86_400) or longest, longest
        )
        session = next((headers[name][:NAMED] for name in SESSIONS if name in headers), "")
        agent = next((headers[name][:NAMED] for name in AGENTS if name in headers), "")
        who = {"client": incoming.client, "session": session, "agent": agent}
        origin = Origin(command="serve", **who, waited=incoming.waited)
        models = incoming.key.models if incoming.key else ()
        cache_control = headers.get("cache-control", "").lower()
        directives = dict(_directive(part) for part in cache_control.split(",")) if cache_control else {}
        plain = Options(timeout=timeout, origin=origin, models=models, keep_content=self._kept)
        if "no-store" in directives:
            return replace(plain, cache="off")
        age = directives.get("max-age", "")
        if "no-cache" in directives or age == "0":
            return replace(plain, cache="refresh")
        oldest = age.isdecimal() and len(age) < 12  # noqa: PLR2004 - years
        return replace(plain, max_age=float(age)) if oldest else plain

    def _keep(self, incoming: Incoming, request: Request, options: Options, answer: Answer, reply: Reply) -> None:
        """Keep a response in memory, with the ledger's record of each repetition."""
        self._memory.keep(incoming, answer, reply, journal.repetition(request, options, answer))


async def _with_pauses(chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk | None, None]:
    """The chunks, and None whenever the next one is late."""
    end = object()
    waiting = asyncio.ensure_future(anext(chunks, end))
    try:
        while True:
            await asyncio.wait({waiting}, timeout=IDLE)
            if not waiting.done():
                yield None
                continue
            chunk = waiting.result()
            if not isinstance(chunk, Chunk):
                return
            yield chunk
            waiting = asyncio.ensure_future(anext(chunks, end))
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, SamplemindError, StopAsyncIteration):
            await waiting
        await chunks.aclose()


def opened(first: Chunk) -> tuple[dict[str, str], Outcome]:
    """Headers and outcome, from an answer's first chunk."""
    endpoint = provenance.routed(first).endpoint
    outcome = Outcome(provenance.routed(first).provider, endpoint.model, provenance.tier(first))
    outcome.held = first.held
    return provenance.of_chunk(first), outcome


def _why(known: Sequence[Parts] | None, first: Chunk, request: Request) -> dict[str, str]:
    """The header that says why a question was not cached; none for a cache hit."""
    if known is None or (first.answer and first.answer.cached):
        return {}
    return {WHY: why.of_miss(known, provenance.routed(first), request)}


def count(outcome: Outcome, answer: Answer, *, content: bool) -> None:
    """Record an answer for metrics and logs."""
    outcome.answer = answer_text(answer) if content else ""
    outcome.cache = answer.cached or "miss"
    outcome.passed = tuple(route.provider for route in answer.passed if route.outcome != "untried")
    if not answer.cached:
        outcome.input_tokens, outcome.output_tokens = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0


def _clock(outcome: Outcome, began: float, chunk: Chunk) -> None:
    """Record the time to the first token of an uncached answer."""
    if not outcome.first_token_ms and outcome.cache == "miss" and (chunk.text or chunk.thinking or chunk.tool_calls):
        outcome.first_token_ms = round((time.perf_counter() - began) * 1000, 2)


def _directive(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value.strip('"')


def _number(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
