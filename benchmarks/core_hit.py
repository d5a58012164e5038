"""How long a repeated answer takes in process, as ratios to one redis-py async GET, all in one interleaved run.

Starts a redis-server of its own on a free port of 127.0.0.1 and speaks TCP to it. Run: python benchmarks/core_hit.py
"""

import asyncio
import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from redis.asyncio import Redis

from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.entry import decode
from samplemind_cli.ai.cache.redis import RedisTier
from samplemind_cli.settings import Settings

ROUNDS, CALLS = 200, 20
PAYLOAD = {"model": "tiny", "base_url": "http://127.0.0.1:11434", "messages": [{"role": "user", "text": "x" * 2000}]}
ANSWER = {"text": "y" * 1000, "finish_reason": "stop", "usage": {"input_tokens": 500, "output_tokens": 250}}
BASELINE = "redis-py async GET"
AIMS = {"local hit": 0.15, "Redis hit": 0.8}
Step = Callable[[], Awaitable[object]]


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis that keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server is not installed; without it there is nothing to compare with")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--loglevel", "warning"]
        server = subprocess.Popen([program, *options], stdout=subprocess.PIPE)
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.communicate()


async def medians(steps: dict[str, Step]) -> dict[str, float]:
    """Seconds per call: each round runs every step `CALLS` times, and each step leads a round in turn."""
    rounds: dict[str, list[float]] = {name: [] for name in steps}
    order = deque(steps.items())
    for _ in range(ROUNDS):
        order.rotate()
        for name, step in order:
            begin = time.perf_counter()
            for _ in range(CALLS):
                await step()
            rounds[name].append((time.perf_counter() - begin) / CALLS)
    return {name: statistics.median(times) for name, times in rounds.items()}


async def measure(url: str, folder: str) -> dict[str, float]:
    """Every kind of hit, fingerprint and decoding included."""

    def complain(text: str) -> None:
        sys.exit(f"this run measures nothing: {text}")

    cache = Cache(Settings(cache_dir=folder, redis_url=url), complain)
    tier, client = RedisTier(Address.read(url), complain), Redis.from_url(url)
    key = cache_key("ollama", PAYLOAD)
    await cache.put(key, ANSWER)

    async def shared_hit() -> None:
        name = cache_key("ollama", PAYLOAD)
        found = await tier.get(name)
        assert found is not None
        assert decode(found[0], name)

    async def local_hit() -> None:
        assert await cache.get(cache_key("ollama", PAYLOAD))

    steps: dict[str, Step] = {
        BASELINE: lambda: client.get(key),
        "local hit": local_hit,
        "Redis hit": shared_hit,
    }
    try:
        return await medians(steps)
    finally:
        await asyncio.gather(tier.close(), cache.close(), client.aclose())


def main() -> None:
    """Print the ratios beside what is aimed at."""
    with redis_server() as url, tempfile.TemporaryDirectory() as folder:
        times = asyncio.run(measure(url, folder))
    for name, seconds in times.items():
        aim = f"   aim: at most {AIMS[name]}" if name in AIMS else ""
        print(f"{name:20} {seconds * 1e6:7.1f} us {seconds / times[BASELINE]:6.2f}x{aim}")


if __name__ == "__main__":
    main()
