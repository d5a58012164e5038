"""The core as an application uses it: a repeated answer, and the answers of the named workload."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import BoardRun, Score, score, skipped
from samplemind_cli.bench.local_model import in_time, local_model
from samplemind_cli.bench.workload import Zipf, prompt
from samplemind_cli.errors import SamplemindError
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

SECONDS = 60.0  # for the workload on a real model
GENRES = ["jazz", "rock", "house", "techno", "hip hop", "folk"]


def measure(run: BoardRun) -> Iterator[Score]:
    """A cache hit in process, then the P95 with an available local model."""
    with MockServer() as server:
        settings = Settings(cache_dir=str(run.folder), ollama_host=server.url, ollama_model="bench")
        times = asyncio.run(_hits(settings, rounds=60 if run.quick else 200))
    yield score("core.hit", kernel.milliseconds(times["hit"]), times[kernel.WORK], "through the local tier")
    yield _answers(run)


async def _hits(settings: Settings, rounds: int) -> dict[str, list[float]]:
    core, options = AICore(settings), Options(provider="ollama")

    async def hit() -> None:
        if not (await core.ask(prompt(0), options)).cached:
            raise SamplemindError("a repeated prompt was not answered from the cache")

    try:
        await core.ask(prompt(0), options)
        return await kernel.interleaved_async({"hit": hit, kernel.WORK: kernel.work}, rounds, calls=10)
    finally:
        await core.close()


def _answers(run: BoardRun) -> Score:
    if run.quick:
        return skipped("core.answer", "a real model takes a minute for it: leave out --quick")
    try:
        return asyncio.run(_measure_answers(run))
    except SamplemindError as error:
        return skipped("core.answer", error)


async def _measure_answers(run: BoardRun) -> Score:
    provider, where = await local_model(run.settings)
    core = AICore(replace(run.settings, cache_dir=str(run.folder / "answers"), redis_url=""))
    options, workload = Options(provider=provider), Zipf()
    run.say(f"  {where}, for {SECONDS:g} s")
    latencies: list[float] = []
    ends = time.monotonic() + SECONDS
    try:
        await in_time(core.ask(_question(0), replace(options, cache="off")))  # loads the model
        for number in workload.sequence():
            latencies.append((await in_time(core.ask(_question(number), options))).latency_ms)
            if time.monotonic() > ends:
                break
    finally:
        await core.close()
    note = f"{workload.name} (the first {len(latencies)}); the genre, one word, of {where}"
    return score("core.answer", latencies, note=note)


def _question(number: int) -> Request:
    return Request(messages=(Message("user", prompt(number)),), schema={"type": "string", "enum": GENRES})
