"""The target of a load test: the core with a cache of its own, and a mock or a provider."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from samplemind_cli import files
from samplemind_cli.ai import AICore, Chunk, Options, http_client
from samplemind_cli.bench import load as loads
from samplemind_cli.bench.workload import Zipf, prompt
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

Kind = Literal["unique", "zipf"]


async def run(  # noqa: PLR0913 - one parameter per option
    settings: Settings,
    options: Options,
    kind: Kind,
    *,
    connections: int,
    rate: float | None,
    seconds: float,
) -> dict[str, Any]:
    """Load the core for `seconds`: the document of `load.document`. A rate makes it an open loop."""
    files.allow_open(2 * http_client.CONNECTIONS + 256)  # both ends of the connections to a mock are ours
    async with _target(settings, options, kind) as (ask, target):
        if rate is None:
            load, how = await loads.closed_loop(ask, connections, seconds), f"closed loop, {connections} at once"
        else:
            load, how = await loads.open_loop(ask, rate, seconds), f"open loop, {rate:g} a second"
    return loads.document(load, how, target)


@asynccontextmanager
async def _target(settings: Settings, options: Options, kind: Kind) -> AsyncIterator[tuple[loads.Ask, str]]:
    """The function that sends request number N, and a description.

    Without a provider or a model, a mock without latency answers. "unique" requests bypass the cache; "zipf" ones are
    the named workload, with a cache that is empty at first.
    """
    mocked = not (options.provider or options.model)
    with TemporaryDirectory(prefix="samplemind-load-") as folder, MockServer() if mocked else nullcontext() as mock:
        settings = _unlimited(settings, Path(folder))
        if mock:
            settings = replace(settings, ollama_host=mock.url, ollama_model="bench")
            options = replace(options, provider="ollama")
        core = AICore(settings)
        sequence, described = _questions(kind)
        options = replace(options, cache="off" if kind == "unique" else "use")

        def ask(number: int) -> AsyncGenerator[Chunk, None]:
            return core.stream(prompt(sequence[number % len(sequence)]) if sequence else prompt(number), options)

        who = "a 0-ms mock" if mocked else f"{options.provider} {options.model}".strip()
        try:
            yield ask, f"{described}, asked of {who}"
        finally:
            await core.close()


def _questions(kind: Kind) -> tuple[list[int], str]:
    """The prompts' numbers, to be repeated, and a description; no numbers: each prompt is sent once."""
    if kind == "unique":
        return [], "every question once, no cache"
    return Zipf().sequence(), Zipf().name


def _unlimited(settings: Settings, folder: Path) -> Settings:
    """The settings without rate limits, which would be measured, and without the user's caches."""
    named = {name for row in settings.rows for name in row.settings()}
    free = {name: 0 for name in named if name.endswith("_rpm")}
    return settings.changed({**free, "cache_dir": str(folder), "redis_url": ""}, "bench load")
