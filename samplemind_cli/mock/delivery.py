"""Sends one reply at the configured speed, or broken by a fault."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.dialects.dialect import ApiError, Dialect, Document, Framing, Generated, Reply, encode
from samplemind_cli.mock.faults import MIDWAY, Fault
from samplemind_cli.mock.http1 import ClientConnection, phrase
from samplemind_cli.mock.model import ScriptedAnswer
from samplemind_cli.mock.request_log import Recorded

GARBAGE = b'{"gar\xff\xfebage'


class Delivery:
    """Sends one reply to a client."""

    def __init__(self, connection: ClientConnection, dialect: Dialect, behaviour: Behaviour, record: Recorded) -> None:
        self._connection = connection
        self._dialect = dialect
        self._behaviour = behaviour
        self._record = record

    async def deliver(self, reply: Reply, fault: Fault) -> bool:
        """Send `reply` with `fault`; returns whether the connection is still usable. A stall never returns."""
        if fault.kind == "drop":
            return False
        if fault.kind == "stall":
            await _forever()
        if isinstance(reply, Generated) or reply.of_model:
            await asyncio.sleep(self._behaviour.latency_ms / 1000)
        if error := self._error(fault):
            array = isinstance(reply, Generated) and reply.request.stream and reply.framing.opening
            return await self.refuse(error, fault.headers(), in_array=bool(array))
        if isinstance(reply, Document):
            return await self._whole(reply.body, fault.kind)
        answer = self._with_times(reply.answer)
        if reply.request.stream:
            return await self._stream(reply, answer, fault.kind)
        await asyncio.sleep(answer.speak_ns / 1e9)
        return await self._whole(reply.whole(reply.request, answer), fault.kind)

    async def refuse(self, error: ApiError, headers: dict[str, str] | None = None, *, in_array: bool = False) -> bool:
        """Send an error instead of an answer; `in_array`: wrapped in an array, as Gemini's streams have it."""
        body = self._dialect.error_body(error)
        return await self._send(error.status, encode([body] if in_array else body), headers or {})

    def _error(self, fault: Fault) -> ApiError | None:
        if fault.kind in self._dialect.ERRORS:
            return self._dialect.ERRORS[fault.kind]
        if not fault.status:
            return None
        return ApiError(fault.status, f"{phrase(fault.status)} (told to fail)")

    def _with_times(self, answer: ScriptedAnswer) -> ScriptedAnswer:
        """The answer with its simulated times; never zero, as clients divide by them."""
        speed = self._behaviour.tokens_per_second
        speak = answer.output_tokens / speed if speed else 0
        return replace(answer, wait_ns=int(self._behaviour.latency_ms * 1e6) or 1000, speak_ns=int(speak * 1e9) or 1000)

    async def _whole(self, body: Any, fault: str) -> bool:
        data = {"error": encode(self._dialect.error_body(self._dialect.MIDSTREAM)), "garbage": GARBAGE}.get(fault)
        data = data or encode(body)
        if fault in ("cut", "freeze"):
            await self._send(200, data[: len(data) // 2], {}, len(data))
            return await _forever() if fault == "freeze" else False
        return await self._send(200, data[: len(data) // 2] if fault == "short" else data, {})

    async def _send(self, status: int, data: bytes, headers: dict[str, str], length: int | None = None) -> bool:
        self._record.status = status
        media_type = "application/json" if data[:1] in b"{[" else "text/plain"
        await self._connection.send(status, {"Content-Type": media_type, **headers}, data, length)
        return True

    async def _stream(self, reply: Generated, answer: ScriptedAnswer, fault: str) -> bool:
        frames = list(reply.framing.frames(reply.events(reply.request, answer)))
        self._record.status = 200
        await self._connection.begin(200, {"Content-Type": reply.framing.media_type})
        if fault not in MIDWAY:
            await self._paced(frames, answer)
            return await self._end(reply.framing.closing)
        await self._paced(frames[: _middle([token for _, token in frames])], answer)
        return await self._break(reply.framing, fault)

    async def _paced(self, frames: Iterable[tuple[bytes, bool]], answer: ScriptedAnswer) -> None:
        """Send each word at its time, counted from the start, so that small delays do not add up."""
        started, words = time.monotonic(), 0
        pause = answer.speak_ns / 1e9 / max(answer.output_tokens, 1) if self._behaviour.tokens_per_second else 0
        for data, token in frames:
            if pause and (token or words == answer.output_tokens):
                await asyncio.sleep(max(0, started + words * pause - time.monotonic()))
            words += token
            await self._connection.chunk(data)

    async def _break(self, framing: Framing, fault: str) -> bool:
        if fault == "freeze":
            await _forever()
        if fault == "cut":
            return False
        if fault == "garbage":
            await self._connection.chunk(framing.between + framing.frame(GARBAGE))
        if fault == "error":
            broken = self._dialect.error_body(self._dialect.MIDSTREAM)
            await self._connection.chunk(framing.between + framing.frame(broken))
        return await self._end(b"")

    async def _end(self, closing: bytes) -> bool:
        if closing:
            await self._connection.chunk(closing)
        await self._connection.chunk(b"")
        return True


def _middle(tokens: list[bool]) -> int:
    """The index at which to break a stream: after half of its words, at least one."""
    words = [n for n, token in enumerate(tokens) if token]
    return words[(len(words) - 1) // 2] + 1 if words else len(tokens) // 2


async def _forever() -> bool:
    """Wait until the client disconnects or the server stops: both cancel."""
    return bool(await asyncio.Event().wait())
