"""What changes while somebody looks, as one stream of events: each topic is looked at now and then, told if new."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import orjson

from samplemind_cli.dashboard import event_stream
from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.message import EVENTS, HttpError, Incoming, Outcome, Reply, Stream

log = logging.getLogger(__name__)


class TopicLook(Protocol):
    """One watcher of a topic. It may wait, so threads call it."""

    def look(self) -> Any:
        """How it is now, as JSON. Raises SamplemindError."""

    def close(self) -> None:
        """Nobody looks any more."""


@dataclass(frozen=True, slots=True)
class Topic:
    """How a topic is watched, and how many seconds lie between two looks."""

    watch: Callable[[], TopicLook]
    every: float


class Plain:
    """A look that holds nothing open."""

    def __init__(self, look: Callable[[], Any]) -> None:
        self.look = look

    def close(self) -> None:
        """Nothing to do."""


class Live:
    """The stream, or with an Accept header that does not ask for one, a single look at each topic."""

    def __init__(self, topics: Mapping[str, Topic], draining: Callable[[], bool]) -> None:
        self._topics = topics
        self._draining = draining

    async def answer(self, incoming: Incoming) -> Reply | Stream:
        """`topics` in the query: names with commas between them."""
        names = list(dict.fromkeys(filter(None, Query(incoming).text("topics").split(","))))
        if unknown := [name for name in names if name not in self._topics]:
            known = ", ".join(self._topics)
            raise HttpError(
                400, f"there is no topic {unknown[0][:64]!r}; known: {known}", "invalid_value", param="topics"
            )
        if "text/event-stream" in incoming.headers.get("accept", ""):
            return Stream(self._events(names), {}, Outcome(), EVENTS)
        looks = await asyncio.gather(*(waited(_once, self._topics[name]) for name in names))
        return as_json(dict(zip(names, looks, strict=True)))

    async def _events(self, names: list[str]) -> AsyncGenerator[bytes, None]:
        told: asyncio.Queue[bytes | None] = asyncio.Queue(64)
        watching = [asyncio.create_task(_follow(name, self._topics[name], told)) for name in names]
        try:
            async with aclosing(event_stream.waiting(told, self._draining)) as events:
                async for event in events:
                    yield event
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


class _Held:
    """A topic's look, opened when it is first needed; closed for good only when no look is under way."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._lock = Lock()
        self._open: TopicLook | None = None

    def look(self) -> Any:
        """How the topic is now; after an error it is opened anew."""
        with self._lock:
            try:
                self._open = self._open or self._topic.watch()
                return self._open.look()
            except SamplemindError as error:
                self._close()
                return {"error": error.as_json()}
            except Exception:
                self._close()
                log.exception("a look for the dashboard")
                return {"error": {"message": "an internal error; see this server's log", "hint": None}}

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._open.close()
            self._open = None


async def _follow(name: str, topic: Topic, told: asyncio.Queue[bytes | None]) -> None:
    """Tell of a topic whenever it has changed."""
    held, before = _Held(topic), b""
    try:
        while True:
            now = orjson.dumps(await waited(held.look))
            if now != before:
                await told.put(event_stream.written(name, now))
                before = now
            await asyncio.sleep(topic.every)
    finally:
        await asyncio.shield(waited(held.close))


def _once(topic: Topic) -> Any:
    held = _Held(topic)
    try:
        return held.look()
    finally:
        held.close()
