"""Long work in a thread: it sends its progress as events, and goes on after the client has disconnected."""

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
Send = Callable[[str, Any], None]
AHEAD = 1000  # events that may wait for the client
_POOL = ThreadPoolExecutor(8, "dashboard")


async def waited(look: Callable[..., T], *args: Any) -> T:
    """The result of a function that blocks, on Docker, a daemon or a disk, run in threads of the dashboard's own."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, look, *args)


def worked(
    work: Callable[[Send], None],
    disconnected: Callable[[], None] = lambda: None,
    over: Callable[[], bool] = lambda: False,
) -> Stream:
    """The stream of the events that `work` sends; its error is the last one. The stream ends early when it is `over`.

    Work that sends faster than the client reads is blocked. `disconnected` is called when the stream ends.
    """
    channel = _Channel(asyncio.get_running_loop())

    def run() -> None:
        try:
            work(channel.send)
        except SamplemindError as error:
            channel.send("error", error.as_json())
        except Exception:
            log.exception("work for the dashboard failed")
            channel.send("error", {"message": "an internal error; see this server's log", "hint": None})
        finally:
            channel.put(None)

    Thread(target=run, daemon=True).start()
    return Stream(channel.events(disconnected, over), {}, Outcome(), EVENTS)


class _Channel:
    """Passes events from a thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue = asyncio.Queue[bytes | None]()
        self._room = Semaphore(AHEAD)
        self._closed = False

    def send(self, name: str, value: Any) -> None:
        while not self._closed and not self._room.acquire(timeout=TICK):
            pass
        self.put(event_stream.event(name, value))

    def put(self, event: bytes | None) -> None:
        if not self._closed:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    async def events(self, disconnected: Callable[[], None], over: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(event_stream.from_queue(self._queue, over)) as events:
                async for encoded in events:
                    if not encoded.startswith(b":"):  # a comment took no room
                        self._room.release()
                    yield encoded
        finally:
            self._closed = True
            disconnected()
