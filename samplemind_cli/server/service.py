"""The API: which request goes where, and how the core answers it."""

import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import cast

import orjson

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.types import PRIORITIES, Answer, Chunk, Message, Options, Priority, Request, Task
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import BadRequestError, Fields, document
from samplemind_cli.formats.openai_chat import answers, embeddings
from samplemind_cli.formats.openai_chat import server as openai_chat
from samplemind_cli.server import metrics, openapi, provenance
from samplemind_cli.server.content import answered
from samplemind_cli.server.failure import problem
from samplemind_cli.server.memory import Memory
from samplemind_cli.server.message import EVENTS, Incoming, Outcome, Problem, Reply, Stream
from samplemind_cli.server.model_names import TASKS, options_for
from samplemind_cli.server.readiness import Readiness
from samplemind_cli.server.routes import Operation

log = logging.getLogger(__name__)
DEADLINE = "x-samplemind-timeout"


class Service:
    """Answers requests through the core; `measured` is the text of the metrics.

    `content`: an outcome says what was answered.
    """

    def __init__(self, core: AICore, measured: Callable[[], bytes], *, content: bool = False) -> None:
        self._core = core
        self._measured = measured
        self._content = content
        self._ready = Readiness(core)
        self._memory = Memory()
        self.at_once = self._memory.find  # the response that needs no waiting
        self.operations = (
            Operation("POST", "/v1/chat/completions", self._chat),
            Operation("POST", "/v1/embeddings", self._embeddings),
            Operation("POST", "/v1/ask", self._ask),
            Operation("GET", "/v1/models", self._models),
            Operation("GET", "/metrics", self._metrics),
            Operation("GET", "/openapi.json", self._openapi),
            Operation("GET", "/healthz", self._healthz, public=True),
            Operation("GET", "/readyz", self._readyz, public=True),
        )

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response to a request, whatever it holds. A bug is logged, and a 500."""
        try:
            return await incoming.handler(incoming)
        except Problem as told_already:
            return incoming.problem(told_already)
        except BadRequestError as wrong:
            return incoming.problem(Problem(wrong.status, str(wrong), wrong.code, param=wrong.param))
        except SamplemindError as error:
            return incoming.problem(problem(error))
        except RecursionError:
            return incoming.problem(Problem(400, "the body is nested too deeply", "invalid_value"))
        except Exception:
            log.exception("request %s", incoming.id)
            ours = f"an error of this server; its log tells of {incoming.id}"
            return incoming.problem(Problem(500, ours, "internal_error"))

    async def _chat(self, incoming: Incoming) -> Reply | Stream:
        fields = document(incoming.body)
        request = openai_chat.completion(fields)
        options = options_for(fields.need("model", str), _options(incoming, self._core.settings.deadline))
        count = fields.inner("stream_options").get("include_usage", bool) or False
        if not openai_chat.streams(fields):
            answer, headers, outcome = await self._answer(incoming, request, options)
            reply = Reply(answers.completion(answer, incoming.id), headers=headers, outcome=outcome)
            self._memory.keep(incoming, answer, reply)
            return reply
        chunks = self._core.stream(request, options)
        first = await anext(chunks)
        headers, outcome = _opened(first)
        events = answers.Events(incoming.id, headers["x-samplemind-route"], count=count)
        if first.answer is None:
            return Stream(self._events(incoming, first, chunks, events, outcome), headers, outcome)
        await chunks.aclose()
        _count(outcome, first.answer, content=self._content)
        reply = Reply(b"".join(events.of(first)) + answers.DONE, headers=headers, kind=EVENTS, outcome=outcome)
        self._memory.keep(incoming, first.answer, reply)
        return reply

    async def _ask(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        system = fields.get("system", str)
        messages = [Message("system", system)] if system else []
        options = replace(
            options_for(fields.get("model", str) or "auto", _options(incoming, self._core.settings.deadline)),
            task=cast("Task", fields.one_of("task", TASKS, "factual")),
            priority=cast("Priority", fields.one_of("priority", PRIORITIES, "speed")),
        )
        request = Request(messages=(*messages, Message("user", fields.need("prompt", str))))
        answer, headers, outcome = await self._answer(incoming, request, options)
        return Reply(provenance.whole(answer), headers=headers, outcome=outcome)

    async def _embeddings(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        texts, form = embeddings.texts(fields), fields.one_of("encoding_format", embeddings.FORMATS, "float")
        options = options_for(fields.need("model", str), _options(incoming, self._core.settings.deadline))
        if not options.model:
            raise fields.wrong("model", "must name a model: vectors of different models do not compare")
        found = await self._core.embed(texts, options, fields.whole("dimensions"))
        tier = found.cached or "miss"
        outcome = Outcome(found.provider, found.model, tier, input_tokens=0 if found.cached else found.tokens or 0)
        headers = provenance.headers(found.provider, found.model, tier)
        return Reply(embeddings.told(found, form), headers=headers, outcome=outcome)

    async def _answer(
        self, incoming: Incoming, request: Request, options: Options
    ) -> tuple[Answer, dict[str, str], Outcome]:
        outcome, answer = Outcome(), None
        headers: dict[str, str] = {}
        async with aclosing(self._core.stream(request, options)) as chunks:
            async for chunk in chunks:
                if chunk.route:
                    headers, outcome = _opened(chunk)
                _clock(outcome, incoming.began, chunk)
                answer = chunk.answer
        if answer is None:  # a stream ends with its answer or raises
            raise AssertionError
        _count(outcome, answer, content=self._content)
        return answer, headers, outcome

    async def _events(
        self,
        incoming: Incoming,
        first: Chunk,
        rest: AsyncGenerator[Chunk, None],
        events: answers.Events,
        outcome: Outcome,
    ) -> AsyncGenerator[bytes, None]:
        """A stream's events; an error after the first word is an event too, and then there is no [DONE]."""
        try:
            async with aclosing(rest):
                last = first
                _clock(outcome, incoming.began, first)
                for event in events.of(first):
                    yield event
                async for last in rest:
                    _clock(outcome, incoming.began, last)
                    for event in events.of(last):
                        yield event
            if last.answer:
                _count(outcome, last.answer, content=self._content)
            yield answers.DONE
        except SamplemindError as error:
            failed = problem(error)
            outcome.error = str(failed.code)
            yield answers.event(failed.error)

    async def _models(self, _: Incoming) -> Reply:
        routes = self._core.routes(Request(messages=()))
        names = ["auto", *(f"auto:{task}" for task in TASKS)]
        names += [f"{route.provider}/{route.endpoint.model}" for route in routes if not route.skipped]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": _owner(name)} for name in names]
        return Reply(orjson.dumps({"object": "list", "data": data}))

    async def _metrics(self, _: Incoming) -> Reply:
        return Reply(self._measured(), kind=metrics.KIND)

    async def _openapi(self, _: Incoming) -> Reply:
        return Reply(orjson.dumps(openapi.DOCUMENT))

    async def _healthz(self, _: Incoming) -> Reply:
        return Reply(b'{"status":"ok"}')

    async def _readyz(self, incoming: Incoming) -> Reply:
        found = await self._ready.look()
        shown = found if incoming.trusted else {"status": found["status"]}
        return Reply(orjson.dumps(shown), 200 if found["status"] == "ready" else 503)


def _opened(first: Chunk) -> tuple[dict[str, str], Outcome]:
    """Headers and outcome, out of an answer's first chunk."""
    endpoint = provenance.routed(first).endpoint
    outcome = Outcome(provenance.routed(first).provider, endpoint.model, provenance.tier(first))
    outcome.held = first.held
    return provenance.of_chunk(first), outcome


def _clock(outcome: Outcome, began: float, chunk: Chunk) -> None:
    """Note when the first word came, of an answer that no cache had."""
    if not outcome.first_token_ms and outcome.cache == "miss" and (chunk.text or chunk.thinking or chunk.tool_calls):
        outcome.first_token_ms = round((time.perf_counter() - began) * 1000, 2)


def _count(outcome: Outcome, answer: Answer, *, content: bool) -> None:
    outcome.answer = answered(answer) if content else ""
    outcome.cache = answer.cached or "miss"
    outcome.passed = tuple(route.provider for route in answer.passed if route.outcome != "untried")
    if not answer.cached:
        outcome.input_tokens, outcome.output_tokens = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0


def _owner(name: str) -> str:
    return name.partition("/")[0] if "/" in name else "samplemind"


def _options(incoming: Incoming, longest: float) -> Options:
    """What the headers say of how a request is to be answered: RFC 9111's Cache-Control, and a deadline in seconds."""
    header = Fields({DEADLINE: _number(incoming.headers.get(DEADLINE))})
    timeout = min(header.number(DEADLINE, 0.001, 86_400) or longest, longest)
    told_of_cache = incoming.headers.get("cache-control", "").lower()
    directives = dict(_directive(part) for part in told_of_cache.split(",")) if told_of_cache else {}
    if "no-store" in directives:
        return Options(cache="off", timeout=timeout)
    age = directives.get("max-age", "")
    if "no-cache" in directives or age == "0":
        return Options(cache="refresh", timeout=timeout)
    return Options(max_age=float(age) if age.isdecimal() and len(age) < 12 else None, timeout=timeout)  # noqa: PLR2004 - years


def _directive(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value.strip('"')


def _number(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
