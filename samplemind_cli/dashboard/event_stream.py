"""Events for the page: what one is on the wire, and how they wait for whoever listens."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import orjson

TICK = 0.5  # seconds between looks at whether it is over
IDLE = 15.0  # seconds of silence after which a comment shows that the stream lives


def event(name: str, value: Any) -> bytes:
    """A named event with a value as JSON."""
    return written(name, orjson.dumps(value))


def written(name: str, value: bytes) -> bytes:
    """A named event with JSON that is written already."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), value)


async def waiting(told: asyncio.Queue[bytes | None], over: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """Events as they are told, until None is told or it is `over`; comments where nothing is told for long."""
    yield b": begun\n\n"
    silent = 0.0
    while not over():
        try:
            async with asyncio.timeout(TICK):
                found = await told.get()
        except TimeoutError:
            silent += TICK
            if silent < IDLE:
                continue
            found = b": still here\n\n"
        if found is None:
            return
        silent = 0.0
        yield found
