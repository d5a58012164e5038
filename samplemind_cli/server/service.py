"""The API: which request goes where, and how the core answers it."""

import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
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

log = logging.getLogger(__name__)
Handler = Callable[[Incoming], Awaitable[Reply | Stream]]
OPEN = ("/healthz", "/readyz")  # whoever watches this server has no token
DEADLINE = "x-samplemind-timeout"


class Service:
    """Answers requests through the core; `token` "" lets everybody in; `measured` is the text of the metrics.

    `content`: an outcome says what was answered.
    """

    def __init__(self, core: AICore, token: str, measured: Callable[[], bytes], *, content: bool = False) -> None:
        self._core = core
        self._measured = measured
        self._content = content
        self._ready = Readiness(core)
        self._memory = Memory()
        self._token = f"Bearer {token}".encode() if token else b""
        self._routes: dict[str, dict[str, Handler]] = {
            "/v1/chat/completions": {"POST": self._chat},
            "/v1/embeddings": {"POST": self._embeddings},
            "/v1/ask": {"POST": self._ask},
            "/v1/models": {"GET": self._models},
            "/metrics": {"GET": self._metrics},
            "/openapi.json": {"GET": self._openapi},
            "/healthz": {"GET": self._healthz},
            "/readyz": {"GET": self._readyz},
        }

    def at_once(self, incoming: Incoming) -> Reply | None:
        """The response that is in memory, if it is and the client may have it."""
        found = self._memory.find(incoming)
        try:
            if found:
                self._admit(incoming)
        except Problem:
            return None
        return found

    def label(self, path: str) -> str:
        """A path as metrics name it."""
        return path if path in self._routes else "other"

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response to a request, whatever it holds. A bug is logged, and a 500."""
        try:
            return await self._handler(incoming)(incoming)
        except Problem as told_already:
            return told_already.reply()
        except BadRequestError as wrong:
            return Problem(wrong.status, str(wrong), wrong.code, param=wrong.param).reply()
        except SamplemindError as error:
            return problem(error).reply()
        except RecursionError:
            return Problem(400, "the body is nested too deeply", "invalid_value").reply()
        except Exception:
            log.exception("request %s", incoming.id)
            return Problem(500, f"an error of this server; its log tells of {incoming.id}", "internal_error").reply()

    def _handler(self, incoming: Incoming) -> Handler:
        if incoming.path not in OPEN:
            self._admit(incoming)
        methods = self._routes.get(incoming.path)
        if methods is None:
            raise Problem(404, f"there is nothing at {incoming.path[:200]}", "not_found")
        if incoming.method not in methods:
            raise Problem(405, f"{incoming.path} takes {', '.join(methods)}", "method_not_allowed")
        if incoming.method == "POST" and "json" not in incoming.headers.get("content-type", ""):
            raise Problem(415, "content-type must be application/json", "unsupported_media_type")
        return methods[incoming.method]

    def _admit(self, incoming: Incoming) -> None:
        """A token if there is one to have; without one, a web page must not use the browser's way to loopback."""
        given = incoming.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if self._token and not hmac.compare_digest(given, self._token):
            raise Problem(401, "wrong or missing token: authorization: Bearer …", "invalid_api_key")
        if not self._token and "origin" in incoming.headers:
            raise Problem(403, "web pages may not ask here without SAMPLEMIND_API_TOKEN", "forbidden")

    async def _chat(self, incoming: Incoming) -> Reply | Stream:
        fields = document(incoming.body)
        request = openai_chat.completion(fields)
        options = options_for(fields.need("model", str), _options(incoming, self._core.settings.deadline))
        count = fields.inner("stream_options").get("include_usage", bool) or False
        if not openai_chat.streams(fields):
            answer, headers, outcome = await self._answer(request, options)
            reply = Reply(answers.completion(answer, incoming.id), headers=headers, outcome=outcome)
            self._memory.keep(incoming, answer, reply)
            return reply
        chunks = self._core.stream(request, options)
        first = await anext(chunks)
        headers, outcome = _opened(first)
        events = answers.Events(incoming.id, headers["x-samplemind-route"], count=count)
        if first.answer is None:
            return Stream(_events(first, chunks, events, outcome, content=self._content), headers, outcome)
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
        answer, headers, outcome = await self._answer(request, options)
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

    async def _answer(self, request: Request, options: Options) -> tuple[Answer, dict[str, str], Outcome]:
        outcome, answer = Outcome(), None
        headers: dict[str, str] = {}
        async with aclosing(self._core.stream(request, options)) as chunks:
            async for chunk in chunks:
                if chunk.route:
                    headers, outcome = _opened(chunk)
                answer = chunk.answer
        if answer is None:  # a stream ends with its answer or raises
            raise AssertionError
        _count(outcome, answer, content=self._content)
        return answer, headers, outcome

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

    async def _readyz(self, _: Incoming) -> Reply:
        found = await self._ready.look()
        return Reply(orjson.dumps(found), 200 if found["status"] == "ready" else 503)


async def _events(
    first: Chunk, rest: AsyncGenerator[Chunk, None], events: answers.Events, outcome: Outcome, *, content: bool
) -> AsyncGenerator[bytes, None]:
    """A stream's events; an error after the first word is an event too, and then there is no [DONE]."""
    try:
        async with aclosing(rest):
            for event in events.of(first):
                yield event
            last = first
            async for last in rest:
                for event in events.of(last):
                    yield event
        if last.answer:
            _count(outcome, last.answer, content=content)
        yield answers.DONE
    except SamplemindError as error:
        failed = problem(error)
        outcome.error = str(failed.code)
        yield answers.event(failed.error)


def _opened(first: Chunk) -> tuple[dict[str, str], Outcome]:
    """Headers and outcome, out of an answer's first chunk."""
    endpoint = provenance.routed(first).endpoint
    outcome = Outcome(provenance.routed(first).provider, endpoint.model, provenance.tier(first))
    return provenance.of_chunk(first), outcome


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
