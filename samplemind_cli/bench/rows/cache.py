"""The answer cache: one read and write of each tier, and the hit rate on the named workload."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from samplemind_cli.ai import AICore, Answer, Options
from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.redis import RedisTier
from samplemind_cli.ai.types import Usage
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import BoardRun, Score, score, skipped
from samplemind_cli.bench.workload import Zipf, ideal_hit_rate, prompt
from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

VALUE = {"text": "y" * 1000, "finish_reason": "stop", "usage": {"input_tokens": 500, "output_tokens": 250}}
PAYLOAD = {"model": "bench", "messages": [{"role": "user", "text": "x" * 2000}]}
KEY = "ai:v3:bench:0"
# US dollars per million tokens, input and output, from the providers' pricing pages, for standard, uncached requests.
AS_OF = "2026-06"
PER_MILLION = {
    "claude-sonnet-5-5": (3.00, 15.00),  # Anthropic's "Pricing"
    "gpt-6-luna": (0.10, 0.50),  # OpenAI's "API pricing"
}
CALLS = 20  # per measurement, as one read is too short
REPLY = "Jazz. A brushed snare would carry it and a double bass would ground it."
PATIENCE = 5.0  # seconds for a Redis of our own to listen, and for its replies


def measure(run: BoardRun) -> Iterator[Score]:
    """The tiers in one interleaved run with a fixed piece of work, then the workload through the whole core."""
    rounds = 60 if run.quick else 200
    with _redis(run) as (url, where):
        times = asyncio.run(_tiers(run.folder, url, rounds))
    work = times[kernel.WORK]
    yield score("cache.local", kernel.milliseconds(times["local"]), work, "key and decoding included")
    for key, name in (("cache.redis-read", "redis read"), ("cache.redis-write", "redis write")):
        yield score(key, kernel.milliseconds(times[name]), work, where) if url else skipped(key, where)
    run.say(f"  {Zipf().name}")
    yield from _workload(run)


@contextlib.contextmanager
def _redis(run: BoardRun) -> Iterator[tuple[str, str]]:
    """A Redis URL and its description: the one in use, or one of our own; without either, "" and the reason."""
    url, program = run.settings.redis_url, shutil.which("redis-server")
    if url and asyncio.run(_is_reachable(url)):
        yield url, f"at {Address.read(url)}"
    elif program:
        with _own_redis(program, run.folder) as url:
            yield url, "a redis-server started for this, on a unix socket"
    else:
        yield "", "no Redis answers, and there is no redis-server to start"


async def _is_reachable(url: str) -> bool:
    try:
        tier = RedisTier(Address.read(url), lambda _: None)
    except ValueError:  # not a valid URL, which the cache itself reports
        return False
    try:
        return await tier.put(KEY, b"x", 1)
    finally:
        await tier.close()


@contextlib.contextmanager
def _own_redis(program: str, folder: Path) -> Iterator[str]:
    path = folder / "redis.sock"
    argv = [program, "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    with reaped(argv, subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        _wait_until_listening(path, server)
        yield f"unix://{path}"


def _wait_until_listening(path: Path, server: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.01)
    raise SamplemindError("a redis-server was started and does not listen")


async def _tiers(folder: Path, url: str, rounds: int) -> dict[str, list[float]]:
    """Seconds per call of each tier's steps and of the fixed work."""
    cache = Cache(Settings(cache_dir=str(folder)), _refuse)
    key = cache_key("ollama", PAYLOAD)
    await cache.put(key, VALUE)

    async def local() -> None:
        if not await cache.get(cache_key("ollama", PAYLOAD)):
            _refuse("an entry that was just stored is missing")

    steps: dict[str, kernel.AsyncStep] = {"local": local, kernel.WORK: kernel.work}
    if not url:
        return await kernel.interleaved_async(steps, rounds, calls=CALLS)
    tier, envelope = RedisTier(Address.read(url), _refuse, patience=PATIENCE), b"x" * 1500
    steps["redis write"] = lambda: tier.put(KEY, envelope, 60)
    steps["redis read"] = lambda: tier.get(KEY)
    try:
        await tier.put(KEY, envelope, 60)
        return await kernel.interleaved_async(steps, rounds, calls=CALLS)
    finally:
        await tier.close()


def _workload(run: BoardRun) -> Iterator[Score]:
    workload = Zipf()
    sequence = workload.sequence()
    settings = Settings(cache_dir=str(run.folder / "workload"))
    with MockServer(reply=REPLY) as server:
        settings = replace(settings, ollama_host=server.url, ollama_model="bench")
        answers = asyncio.run(_ask_all(settings, sequence))
        calls = len(server.requests)
    hits = 1 - calls / len(sequence)
    yield score("cache.hit-rate", [100 * hits], note=workload.name)
    yield score("cache.efficiency", [100 * hits / ideal_hit_rate(sequence)], note="the ideal cache forgets nothing")
    yield score("cache.calls-saved", [len(sequence) - calls], note=f"of {len(sequence)}; counted by a mock")
    yield _dollars(run.settings.openai_model, answers)


def _dollars(model: str, answers: list[Answer]) -> Score:
    saved = [dollars(model, answer.usage) for answer in answers if answer.cached]
    priced = [cost for cost in saved if cost is not None]
    if len(priced) < len(saved):
        return skipped("cache.dollars-saved", f"the price of {model} is not in the table of {AS_OF}")
    note = f"at {model}'s prices of {AS_OF}; tokens as the mock counts them"
    return score("cache.dollars-saved", [sum(priced)], note=note)


def dollars(model: str, usage: Usage) -> float | None:
    """The cost of an answer; None if its price or its tokens are unknown."""
    price = PER_MILLION.get(model)
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return (usage.input_tokens * price[0] + usage.output_tokens * price[1]) / 1e6


async def _ask_all(settings: Settings, sequence: list[int]) -> list[Answer]:
    core = AICore(settings)
    try:
        return [await core.ask(prompt(number), Options(provider="ollama")) for number in sequence]
    finally:
        await core.close()


def _refuse(text: str) -> None:
    """Raise an error: a failing tier is fast, and would be measured."""
    raise SamplemindError(text)
