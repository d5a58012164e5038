"""Work that takes its time, in a thread: it tells how far it is as events, and goes on when nobody listens any more."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from threading import Semaphore, Thread
from typing import Any, TypeVar

from samplemind_cli.dashboard import event_stream
from samplemind_cli.dashboard.event_stream import TICK
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.message import EVENTS, Outcome, Stream

log = logging.getLogger(__name__)
T = TypeVar("T")
Tell = Callable[[str, Any], None]
AHEAD = 1000  # events that were told and not heard yet
_POOL = ThreadPoolExecutor(8, "dashboard")


async def waited(look: Callable[..., T], *args: Any) -> T:
    """What a function returns that waits for Docker, a daemon or a disk; the core keeps its own threads."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, look, *args)


def worked(
    work: Callable[[Tell], None],
    left: Callable[[], None] = lambda: None,
    over: Callable[[], bool] = lambda: False,
) -> Stream:
    """The stream of what `work` tells; its error is the last event. `left` is called when nobody listens any more.

    Work that tells faster than it is heard waits. The stream ends early when it is `over`.
    """
    channel = _Channel(asyncio.get_running_loop())

    def run() -> None:
        try:
            work(channel.tell)
        except SamplemindError as error:
            channel.tell("error", error.as_json())
        except Exception:
            log.exception("work for the dashboard")
            channel.tell("error", {"message": "an internal error; see this server's log", "hint": None})
        finally:
            channel.put(None)

    Thread(target=run, daemon=True).start()
    return Stream(channel.events(left, over), {}, Outcome(), EVENTS)


class _Channel:
    """From a thread to whoever listens in the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told = asyncio.Queue[bytes | None]()
        self._room = Semaphore(AHEAD)
        self._gone = False

    def tell(self, name: str, value: Any) -> None:
        while not self._gone and not self._room.acquire(timeout=TICK):
            pass
        self.put(event_stream.event(name, value))

    def put(self, event: bytes | None) -> None:
        if not self._gone:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._told.put_nowait, event)

    async def events(self, left: Callable[[], None], over: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(event_stream.waiting(self._told, over)) as events:
                async for found in events:
                    if not found.startswith(b":"):  # a comment took no room
                        self._room.release()
                    yield found
        finally:
            self._gone = True
            left()
