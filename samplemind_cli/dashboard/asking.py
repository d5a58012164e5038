"""Answers a prompt with one model, streamed; the page shows several models side by side."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import orjson

from samplemind_cli.ai import costs, why
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.model_names import CHOOSING, options_for
from samplemind_cli.ai.types import EFFORTS, Answer, CacheUse, Chunk, Message, Options, Origin, Request
from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.event_stream import event
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import Fields, document
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.server import provenance
from samplemind_cli.server.message import EVENTS, Incoming, Outcome, Reply, Stream

CACHES: tuple[CacheUse, ...] = ("use", "refresh", "off")


class Asking:
    """Asks the core as `samplemind ask` does; the ledger keeps prompt and answer, as for `ask`."""

    def __init__(self, core: AICore) -> None:
        self._core = core
        self._prices = Prices(core.settings.config_dir, core.settings.rows)

    async def models(self, _: Incoming) -> Reply:
        """List the models."""
        return as_json([*CHOOSING, *await self._core.models()])

    async def answer(self, incoming: Incoming) -> Stream:
        """Events: `why` it was not cached, `route`, `text` and `thinking` as they come, then `answer`, or `error`."""
        request, options = _read(document(incoming.body))
        stored = self._core.questions.known()  # read before this one is added
        chunks = self._core.stream(request, options)
        first = await anext(chunks)  # an error before the first token becomes the status
        if first.route and provenance.tier(first) == "miss" and options.cache == "use":
            reason = event("why", why.of_miss(stored, first.route, request))
        else:
            reason = b": nothing is new\n\n"
        return Stream(self._events(reason, first, chunks), {}, Outcome(), EVENTS)

    async def _events(
        self, reason: bytes, first: Chunk, rest: AsyncGenerator[Chunk, None]
    ) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(rest):
                yield b"".join([reason, *await self._of_chunk(first)])
                async for chunk in rest:
                    for encoded in await self._of_chunk(chunk):
                        yield encoded
        except SamplemindError as error:
            yield event("error", error.as_json())

    async def _of_chunk(self, chunk: Chunk) -> list[bytes]:
        events = []
        if chunk.route:
            events.append(event("route", {**provenance.of_chunk(chunk)}))
        if chunk.thinking:
            events.append(event("thinking", chunk.thinking))
        if chunk.text:
            events.append(event("text", chunk.text))
        if chunk.answer:
            events.append(event("answer", await waited(self._as_json, chunk.answer)))
        return events

    def _as_json(self, answer: Answer) -> dict[str, Any]:
        """An answer for the page; slow when it loads the price list."""
        dollars = self._prices.dollars(answer.provider, answer.model, costs.tokens(answer.usage))
        passed = [[route.provider, route.skipped] for route in answer.passed if route.outcome != "untried"]
        return {**orjson.loads(provenance.whole(answer)), "dollars": dollars, "passed": passed}


def _read(fields: Fields) -> tuple[Request, Options]:
    """The request and options in a body. Raises BadRequestError."""
    system = fields.get("system", str)
    messages = (*([Message("system", system)] if system else []), Message("user", fields.need("prompt", str)))
    request = Request(
        messages=messages,
        temperature=fields.number("temperature", 0, 2),
        max_tokens=fields.whole("max_tokens"),
        effort=fields.one_of("effort", ("", *EFFORTS), ""),
    )
    cache = cast("CacheUse", fields.one_of("cache", CACHES, "use"))
    options = Options(cache=cache, origin=Origin(command="dashboard"), keep_content=True)
    return request, options_for(fields.get("model", str) or "auto", options)
