"""Server-sent events for the page: their encoding, and a stream of them out of a queue."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import orjson

TICK = 0.5  # seconds between checks of whether the stream is over
IDLE = 15.0  # seconds of silence until a comment keeps the connection alive


def event(name: str, value: Any) -> bytes:
    """A named event with a value, which becomes JSON."""
    return event_of_json(name, orjson.dumps(value))


def event_of_json(name: str, value: bytes) -> bytes:
    """A named event with a value that is JSON already."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), value)


async def from_queue(queue: asyncio.Queue[bytes | None], over: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """Events out of a queue, until None or until `over`; comments after long silences."""
    yield b": begun\n\n"
    silent = 0.0
    while not over():
        try:
            async with asyncio.timeout(TICK):
                encoded = await queue.get()
        except TimeoutError:
            silent += TICK
            if silent < IDLE:
                continue
            encoded = b": still here\n\n"
        if encoded is None:
            return
        silent = 0.0
        yield encoded
