"""A load generator and a stub provider, small enough not to be what is measured. Used by benchmarks/serve.py.

python benchmarks/load.py URL CONNECTIONS SECONDS cached|fresh [TOKEN] prints one JSON object; python benchmarks/load.py
--stub prints its port and serves.
"""

import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from urllib.parse import urlsplit

import httptools
import uvloop

COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * 50}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(COMPLETION) + COMPLETION
)
NUMBERS = itertools.count(int.from_bytes(os.urandom(5)) << 20)


class Stub(asyncio.Protocol):
    """Answers every request with the same completion, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self.transport.write(ANSWER)  # type: ignore[attr-defined]


class Client(asyncio.Protocol):
    """Sends a request, waits for its response, and sends the next one."""

    def __init__(self, head: bytes, body: str, load: "Load") -> None:
        self.head, self.body, self.load = head, body, load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.send()

    def send(self) -> None:
        """The next request."""
        body = (self.body.replace("NUMBER", str(next(NUMBERS))) if self.load.fresh else self.body).encode()
        self.began = time.perf_counter()
        self.transport.write(self.head + b"content-length: %d\r\n\r\n" % len(body) + body)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A response is whole."""
        self.load.count(self.parser.get_status_code(), time.perf_counter() - self.began)
        if not self.load.over:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio.Protocol."""
        if not self.load.over:
            self.load.errors += 1


class Load:
    """One run: how long each good response took."""

    def __init__(self, *, fresh: bool) -> None:
        self.fresh, self.over, self.errors = fresh, False, 0
        self.times: list[float] = []

    def count(self, status: int, seconds: float) -> None:
        """A response came."""
        if status == 200:  # noqa: PLR2004 - HTTP
            self.times.append(seconds)
        else:
            self.errors += 1


async def run(url: str, connections: int, seconds: float, *, fresh: bool, token: str) -> dict[str, float]:
    """Requests per second, latencies in ms, and what failed."""
    parts = urlsplit(url)
    content = "What key is A C# E? NUMBER " + "x" * 200
    body = json.dumps({"model": "openai/stub", "messages": [{"role": "user", "content": content}]})
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
    head += f"authorization: Bearer {token}\r\n"
    load, loop = Load(fresh=fresh), asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(head.encode(), body, load), str(parts.hostname), parts.port or 80)
    await asyncio.sleep(min(1.0, seconds / 4))  # warm up
    load.times.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    times, took = sorted(load.times), time.perf_counter() - began
    load.over = True
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
    return {
        "rps": len(times) / took,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "errors": load.errors,
    }


async def stub() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """See the module's own words."""
    if sys.argv[1] == "--stub":
        uvloop.run(stub())
        return
    url, connections, seconds, kind, *token = sys.argv[1:]
    token_ = token[0] if token else "unused"
    print(json.dumps(uvloop.run(run(url, int(connections), float(seconds), fresh=kind == "fresh", token=token_))))


if __name__ == "__main__":
    main()
