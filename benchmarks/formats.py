"""What an answer costs `samplemind serve` in each client's format: kept, and fetched from a provider of the format.

All formats take turns in one run, before a stub that answers at once, over one connection. CPU is the server's own, as
the kernel counts it; ratios to OpenAI's chat count, not microseconds. Aimed at: a kept answer within 15 % in every
format, and a fresh message of Anthropic's no dearer than OpenAI's.

Run: python benchmarks/formats.py [--rounds 7] [--cached 1000] [--fresh 150] [--stream] [--json]
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORDS = [*("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"), *("and", "sleeps") * 4]
HI = [{"role": "user", "content": "hi"}]
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
# By format: path, streamed path, body.
FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", "", {"model": "openai/m", "messages": HI}),
    "responses": ("/v1/responses", "", {"model": "openai/m", "input": "hi"}),
    "anthropic": ("/v1/messages", "", {"model": "anthropic/m", "max_tokens": 99, "messages": HI}),
    "gemini": (
        "/v1beta/models/gemini/m:generateContent",
        "/v1beta/models/gemini/m:streamGenerateContent?alt=sse",
        GEMINI,
    ),
    "ollama": ("/api/chat", "", {"model": "ollama/m", "messages": HI, "stream": False}),
}


def _sse(events: list[dict[str, Any]]) -> bytes:
    named = (f"event: {event['type']}\n" if "type" in event else "" for event in events)
    return "".join(f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(named, events, strict=True)).encode()


def _openai() -> bytes:
    def chunk(delta: dict[str, Any], end: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

    said = [chunk({"content": f"{word} "}) for word in WORDS]
    usage = {**chunk({}), "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 16, "total_tokens": 21}}
    return _sse([chunk({"role": "assistant", "content": ""}), *said, chunk({}, "stop"), usage]) + b"data: [DONE]\n\n"


def _anthropic() -> bytes:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    text = [{"type": "text_delta", "text": f"{word} "} for word in WORDS]
    return _sse(
        [
            {"type": "message_start", "message": {**message, "usage": {"input_tokens": 5, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in text),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 16}},
            {"type": "message_stop"},
        ]
    )


def _gemini() -> bytes:
    said = [{"candidates": [{"index": 0, "content": {"parts": [{"text": f"{word} "}]}}]} for word in WORDS]
    end = {"index": 0, "content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}
    return _sse([*said, {"candidates": [end], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 16}}])


def _ollama() -> bytes:
    lines = [{"model": "m", "message": {"role": "assistant", "content": f"{word} "}, "done": False} for word in WORDS]
    end = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 16}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (*lines, end))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bodies: dict[str, bytes]) -> None:
    """Every request on a connection with the body of its path."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            path = head.split(b" ")[1].decode()
            body = next((body for part, body in bodies.items() if part in path), b"{}")
            kind = "application/x-ndjson" if path.startswith("/api/") else "text/event-stream"
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n" % kind.encode())
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))


async def stub() -> None:
    """Be the provider of every format; prints the port."""
    bodies = {"completions": _openai(), "messages": _anthropic(), "models/": _gemini(), "/api/chat": _ollama()}
    server = await asyncio.start_server(lambda r, w: _answer(r, w, bodies), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def spent(pid: int) -> int:
    """Nanoseconds of CPU of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


class Line:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, path: str, body: bytes, headers: str = "") -> tuple[bytes, bytes]:
        """The head and the body of a response."""
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{headers}"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        told = await self._reader.readuntil(b"\r\n\r\n")
        if length := re.search(rb"content-length: (\d+)", told, re.IGNORECASE):
            return told, await self._reader.readexactly(int(length[1]))
        whole = b""
        while size := int(await self._reader.readline(), 16):
            whole += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return told, whole


async def measure(port: int, pid: int, options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Microseconds of CPU per request, by what was asked and by format, round by round."""
    line = Line(*await asyncio.open_connection("127.0.0.1", port))
    found: dict[str, dict[str, list[float]]] = {"cached": {}, "fresh": {}}
    asked: dict[str, tuple[str, bytes]] = {}
    for name, (path, streamed, body) in FORMATS.items():
        more = {"stream": True} if options.stream and not streamed else {}
        asked[name] = (streamed if options.stream and streamed else path, json.dumps({**body, **more}).encode())
        for _ in range(3):
            head, told = await line.ask(*asked[name])
        if b" 200 " not in head or b"x-samplemind-cache: memory" not in head or b"lazy" not in told:
            sys.exit(f"{name}: {head.decode()}{told.decode()}")
    for _ in range(options.rounds):
        for kind, count, headers in (
            ("cached", options.cached, ""),
            ("fresh", options.fresh, "cache-control: no-store\r\n"),
        ):
            for name, (path, data) in asked.items():
                before = spent(pid)
                for _ in range(count):
                    await line.ask(path, data, headers)
                found[kind].setdefault(name, []).append((spent(pid) - before) / count / 1000)
    return found


@contextlib.contextmanager
def serving(upstream: str, folder: Path) -> Iterator[tuple[int, int]]:
    """A `serve` before the stub: its port and process id."""
    own = {"HOME": str(folder), "OLLAMA_HOST": upstream, "OPENAI_BASE_URL": f"{upstream}/v1"}
    own |= {"ANTHROPIC_BASE_URL": upstream, "GEMINI_BASE_URL": upstream}
    own |= dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "k")
    command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", "0", "--json"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    try:
        yield int(json.loads(process.stdout.readline())["url"].rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.communicate()


def show(found: dict[str, dict[str, list[float]]]) -> None:
    """The table: the median of the rounds, and of the rounds' ratios to OpenAI's chat."""
    print(f"{'format':12}" + "".join(f"{kind:>12} {'ratio':>7}" for kind in found))
    for name in FORMATS:
        cells = ""
        for rounds in found.values():
            ratios = [mine / chat for mine, chat in zip(rounds[name], rounds["chat"], strict=True)]
            cells += f"{statistics.median(rounds[name]):9.1f} µs {statistics.median(ratios):6.2f}x"
        print(f"{name:12}{cells}")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="in which the formats take turns")
    parser.add_argument("--cached", type=int, default=1000, help="kept answers per format and round")
    parser.add_argument("--fresh", type=int, default=150, help="fresh answers per format and round")
    parser.add_argument("--stream", action="store_true", help="ask for streams")
    parser.add_argument("--json", action="store_true", help="print everything measured")
    parser.add_argument("--stub", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stub:
        asyncio.run(stub())
        return
    provider = subprocess.Popen([sys.executable, __file__, "--stub"], stdout=subprocess.PIPE, text=True)
    assert provider.stdout is not None
    upstream = f"http://127.0.0.1:{int(provider.stdout.readline())}"
    try:
        with tempfile.TemporaryDirectory() as folder, serving(upstream, Path(folder)) as (port, pid):
            time.sleep(1)
            found = asyncio.run(measure(port, pid, options))
    finally:
        provider.kill()
        provider.communicate()
    print(json.dumps(found)) if options.json else show(found)


if __name__ == "__main__":
    main()
