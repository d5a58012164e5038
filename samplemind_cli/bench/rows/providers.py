"""The providers: our overhead on a local answer, first tokens, and short answers of those with a key."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from samplemind_cli import providers
from samplemind_cli.ai import AICore, Options, Provider, Request, router
from samplemind_cli.ai.types import Message
from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import OVER, ROWS, BoardRun, Score, ScoreRow, score, skipped, why
from samplemind_cli.bench.local_model import PATIENCE, embedded_absent, in_time, ollama_absent
from samplemind_cli.errors import SamplemindError
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

QUESTION = Request(messages=(Message("user", "Which key has one sharp? Two words."),), max_tokens=32)
FEW = 10  # answers of a provider that may cost money
QUICK = 6.0  # seconds for a provider with --quick


def measure(run: BoardRun) -> Iterator[Score]:
    """Our overhead with a mock, then the providers that can be reached."""
    with MockServer() as server:
        settings = Settings(ollama_host=server.url, ollama_model="bench")
        times = asyncio.run(_overhead(settings, rounds=60 if run.quick else 200))
    note = "a whole uncached answer of a 0-ms mock"
    yield score("providers.ollama-overhead", kernel.milliseconds(times["ask"]), times[kernel.WORK], note)
    yield _first_token(run, Provider.OLLAMA, asyncio.run(ollama_absent(run.settings)))
    yield _first_token(run, Provider.EMBEDDED, embedded_absent(run.settings))
    for row in run.settings.configured():
        if row.name not in (Provider.OLLAMA, Provider.EMBEDDED):
            yield _short(run, row)


async def _overhead(settings: Settings, rounds: int) -> dict[str, list[float]]:
    core, options = AICore(settings), Options(provider="ollama", cache="off")
    steps: dict[str, kernel.AsyncStep] = {"ask": lambda: core.ask(QUESTION, options), kernel.WORK: kernel.work}
    try:
        await kernel.interleaved_async(steps, 3)
        return await kernel.interleaved_async(steps, rounds)
    finally:
        await core.close()


def _first_token(run: BoardRun, provider: Provider, absent: str) -> Score:
    key = f"providers.{provider}-first-token"
    if absent:
        return skipped(key, absent)
    try:
        waits, model = asyncio.run(_first_words(run, provider, 10 if run.quick else 40))
    except SamplemindError as error:
        return skipped(key, error)
    return score(key, kernel.milliseconds(waits), note=f"{model}, loaded before")


async def _first_words(run: BoardRun, provider: Provider, count: int) -> tuple[list[float], str]:
    """Seconds until the first token of `count` answers, and the model's name.

    Each answer has one token and is read to its end: after many disconnects, Ollama 0.17.4 stops answering.
    """
    core = AICore(replace(run.settings, cache="off"))
    options = Options(provider=provider, cache="off")
    model = core.routes(QUESTION, options)[0].endpoint.model

    async def first_word() -> float:
        started = time.perf_counter()
        first: float | None = None
        async for chunk in core.stream(replace(QUESTION, max_tokens=1), options):
            if first is None and (chunk.text or chunk.thinking):
                first = time.perf_counter()
        return (first or time.perf_counter()) - started

    try:
        await _repeated(run, first_word, 1)  # loads the model
        return await _repeated(run, first_word, count), model
    finally:
        await core.close()


def _short(run: BoardRun, row: providers.Row) -> Score:
    """Short answers; a provider without a target gets a row of its own."""
    key = f"providers.{row.name}"
    measured = ROWS.get(key) or ScoreRow(key, f"{row.title}, short answer P50", "s")
    try:
        route = AICore(run.settings).routes(QUESTION, Options(provider=row.name))[0]
        if route.skipped:
            return Score(measured, reason=f"{route.skipped}: {route.fix}")
        seconds = asyncio.run(_short_answers(run, row.name, 3 if run.quick else FEW))
    except SamplemindError as error:
        return Score(measured, reason=why(error))
    url = route.endpoint.base_url
    elsewhere = "" if url == row.url else f" at {router.shown(url)}"
    return Score(measured, tuple(seconds), note=f"{route.endpoint.model}{elsewhere}")


async def _short_answers(run: BoardRun, provider: str, count: int) -> list[float]:
    core = AICore(replace(run.settings, cache="off"))

    async def short_answer() -> float:
        return (await core.ask(QUESTION, Options(provider=provider, cache="off"))).latency_ms / 1000

    try:
        return await _repeated(run, short_answer, count)
    finally:
        await core.close()


async def _repeated(run: BoardRun, call: Callable[[], Awaitable[float]], count: int) -> list[float]:
    """The seconds of `count` calls; with --quick of fewer, if one more would take too long. Raises SamplemindError."""
    if run.left < 1:
        raise SamplemindError(OVER)
    patience = min(QUICK, run.left) if run.quick else PATIENCE
    seconds: list[float] = []
    while len(seconds) < count and not (run.quick and seconds and sum(seconds) + seconds[-1] > patience):
        seconds.append(await in_time(call(), patience))
    return seconds
