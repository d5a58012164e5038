"""Changes while the page is open, as one stream of events: each topic is polled, and sent when it has changed."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, closing
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
    """Polls one topic. It may block, so it is called in threads."""

    def look(self) -> Any:
        """The current state, as JSON. Raises SamplemindError."""

    def close(self) -> None:
        """Release what polling holds open."""


@dataclass(frozen=True, slots=True)
class Topic:
    """How a topic is polled, and the seconds between two polls."""

    watch: Callable[[], TopicLook]
    every: float


class Plain:
    """A look that holds nothing open."""

    def __init__(self, look: Callable[[], Any]) -> None:
        self.look = look

    def close(self) -> None:
        """Nothing to do."""


class Live:
    """The stream of changes; without an Accept header for events, the current state of each topic."""

    def __init__(self, topics: Mapping[str, Topic], draining: Callable[[], bool]) -> None:
        self._topics = topics
        self._draining = draining

    async def answer(self, incoming: Incoming) -> Reply | Stream:
        """`topics` in the query: names, separated by commas."""
        names = list(dict.fromkeys(filter(None, Query(incoming).text("topics").split(","))))
        if unknown := [name for name in names if name not in self._topics]:
            why = f"there is no topic {unknown[0][:64]!r}; known: {', '.join(self._topics)}"
            raise HttpError(400, why, "invalid_value", param="topics")
        if "text/event-stream" in incoming.headers.get("accept", ""):
            return Stream(self._events(names), {}, Outcome(), EVENTS)
        looks = await asyncio.gather(*(waited(_once, self._topics[name]) for name in names))
        return as_json(dict(zip(names, looks, strict=True)))

    async def _events(self, names: list[str]) -> AsyncGenerator[bytes, None]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(64)
        watching = [asyncio.create_task(_follow(name, self._topics[name], queue)) for name in names]
        try:
            async with aclosing(event_stream.from_queue(queue, self._draining)) as events:
                async for event in events:
                    yield event
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


class _OpenLook:
    """A topic's look, opened at first use; `close` waits for a `look` in another thread."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._lock = Lock()
        self._open: TopicLook | None = None

    def look(self) -> Any:
        """The topic's current state, or an error, after which the look is opened again."""
        with self._lock:
            try:
                self._open = self._open or self._topic.watch()
                return self._open.look()
            except SamplemindError as error:
                self._close()
                return {"error": error.as_json()}
            except Exception:
                self._close()
                log.exception("cannot look at a topic of the dashboard")
                return {"error": {"message": "an internal error; see this server's log", "hint": None}}

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._open.close()
            self._open = None


async def _follow(name: str, topic: Topic, queue: asyncio.Queue[bytes | None]) -> None:
    """Put an event into the queue whenever the topic has changed."""
    open_look, before = _OpenLook(topic), b""
    try:
        while True:
            now = orjson.dumps(await waited(open_look.look))
            if now != before:
                await queue.put(event_stream.event_of_json(name, now))
                before = now
            await asyncio.sleep(topic.every)
    finally:
        await asyncio.shield(waited(open_look.close))


def _once(topic: Topic) -> Any:
    with closing(_OpenLook(topic)) as open_look:
        return open_look.look()
