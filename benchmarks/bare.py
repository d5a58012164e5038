"""The least that a gateway can be: an ASGI application that hands a request to STUB over aiohttp, and its answer back.

Run by benchmarks/upstream.py, with uvicorn: STUB=http://127.0.0.1:9000 uvicorn --app-dir benchmarks bare:app
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

STUB = os.environ["STUB"]
sessions: list[aiohttp.ClientSession] = []


async def app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """See the ASGI specification."""
    if scope["type"] != "http":
        return
    if not sessions:
        sessions.append(aiohttp.ClientSession())
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    headers = {"content-type": "application/json", "authorization": "Bearer k"}
    async with sessions[0].post(STUB + scope["path"], data=body, headers=headers) as answer:
        payload = await answer.read()
    kind = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(payload))]
    await send({"type": "http.response.start", "status": answer.status, "headers": kind})
    await send({"type": "http.response.body", "body": payload})
