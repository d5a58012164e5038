"""`samplemind serve` under mixed load while Redis dies and comes back, the provider flaps and clients misbehave.

    python benchmarks/soak.py [--minutes 10] [--workers 1] [--json]

Clients ask what is cached and what is new, stream, embed, hang up in the middle, and send and read slowly. Every
response is checked. It succeeds (exit code 0) when nothing failed that the provider did not fail, memory, file
descriptors and tasks of the server did not grow in the second half (of 8 minutes or more), and all but the memory is as
before after a quiet time at the end. Needs redis-server in PATH.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from serve import family, free_port, resident, running

from samplemind_cli.mock import MockServer

CHAT = "/v1/chat/completions"
# What ails the provider in turn, in seconds; "gone" refuses connections. Between two ills it is well.
ILLS = ("500", "drop", "gone", "stall", "cut:50%", "429@1", "freeze:30%", "garbage:50%")
ILL, RELAPSE, WELL = 3.0, 4.0, 26.0  # every other ill follows the one before after RELAPSE
ECHO = 20.0  # seconds after an ill in which a breaker may still refuse, or a call still hang; then nothing may fail
REDIS_UP, REDIS_DOWN = 15.0, 5.0
TIMEOUT = "8"  # seconds that a client gives the server for an answer
# Statuses by which a server tells that a provider failed: 429 and 502 to 504. A bug would be 500, or nothing.
TOLD = {429, 502, 503, 504}
MOST_GROWTH = {"rss_mib": 4.0, "fds": 8.0, "tasks": 8.0}  # from the third quarter to the last
SETTLED = 8.0  # minutes, after which growth is a leak; before, a quarter is shorter than the ills' turns
MOST_LEFT = {"fds": 3.0, "tasks": 1.0}  # more than before the load, after the quiet time


@dataclass
class Soak:
    """What happens and what was seen."""

    url: str
    provider: MockServer
    over: bool = False
    ill: str = ""
    last_ill: float = -ECHO
    counts: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    samples: list[dict[str, float]] = field(default_factory=list)

    def judge(self, kind: str, began: float, wrong: str, *, told: bool) -> None:
        """Count a response; a failure is excused when the server told it and the provider was ill around then."""
        self.counts[kind] += 1
        if not wrong:
            return
        if told and kind != "cached" and (self.ill or self.last_ill > began - ECHO):
            self.excused[wrong] += 1
        else:
            self.failures.append(f"{kind}: {wrong}")


def body(prompt: str, **more: Any) -> dict[str, Any]:
    """A question whose answer is known."""
    return {"model": "openai/any", "messages": [{"role": "user", "content": prompt}], **more}


def wrong_answer(response: httpx.Response, prompt: str) -> tuple[str, bool]:
    """What is wrong with a whole answer, and whether the server told it."""
    if response.status_code != 200:  # noqa: PLR2004 - HTTP
        return f"{response.status_code} {response.json()['error']['code']}", response.status_code in TOLD
    said = response.json()["choices"][0]["message"]["content"]
    return ("" if said == f"You said: {prompt}" else f"another answer: {said[:80]}"), False


def wrong_stream(lines: list[str], prompt: str) -> tuple[str, bool]:
    """What is wrong with a stream's events, and whether the server told it."""
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    if not events or events[-1] != "[DONE]":
        error = json.loads(events[-1]).get("error") if events else None
        return (f"stream {error['code']}", True) if error else ("a stream without an end", False)
    said = "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1])
    return ("" if said == f"You said: {prompt}" else f"another stream: {said[:80]}"), False


class Clients:
    """One method per kind of client, each asking once."""

    def __init__(self, soak: Soak, client: httpx.AsyncClient) -> None:
        self._soak = soak
        self._client = client
        self._numbers = itertools.count()

    def _new(self) -> str:
        return f"new {next(self._numbers)} of {os.getpid()} " + "x" * 200

    async def cached(self) -> None:
        """Ask what was asked before the load."""
        await self._whole("cached", cached_prompt(random.randrange(20)))

    async def fresh(self) -> None:
        """Ask something new."""
        await self._whole("fresh", self._new())

    async def _whole(self, kind: str, prompt: str) -> None:
        began = time.monotonic()
        response = await self._client.post(CHAT, json=body(prompt))
        wrong, told = wrong_answer(response, prompt)
        self._soak.judge(kind, began, wrong, told=told)

    async def streamed(self) -> None:
        """Have the answer to something new streamed."""
        await self._stream("streamed", 0.0)

    async def slow(self) -> None:
        """Send in pieces, and read with pauses."""
        await self._stream("slow", 0.05)

    async def _stream(self, kind: str, pause: float) -> None:
        prompt, began = self._new(), time.monotonic()
        sent = json.dumps(body(prompt, stream=True)).encode()
        content = pieces(sent, pause) if pause else sent
        async with self._client.stream("POST", CHAT, content=content) as response:
            if response.status_code != 200:  # noqa: PLR2004 - HTTP
                await response.aread()
                wrong, told = wrong_answer(response, prompt)
            else:
                lines = []
                async for line in response.aiter_lines():
                    lines.append(line)
                    await asyncio.sleep(pause / 5)
                wrong, told = wrong_stream(lines, prompt)
        self._soak.judge(kind, began, wrong, told=told)

    async def embedded(self) -> None:
        """Ask for a vector."""
        began = time.monotonic()
        response = await self._client.post("/v1/embeddings", json={"model": "openai/any", "input": self._new()})
        good = response.status_code == 200  # noqa: PLR2004 - HTTP
        wrong = "" if good else f"{response.status_code} {response.json()['error']['code']}"
        self._soak.judge("embedded", began, wrong, told=response.status_code in TOLD)

    async def gone(self) -> None:
        """Ask, and hang up in the middle."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0.001, 0.05)):
                await self._client.post(CHAT, json=body(self._new(), stream=random.choice((True, False))))
        self._soak.counts["hung up or answered"] += 1


async def pieces(data: bytes, pause: float) -> AsyncIterator[bytes]:
    """A body that comes slowly."""
    for start in range(0, len(data), 100):
        yield data[start : start + 100]
        await asyncio.sleep(pause)


def cached_prompt(number: int) -> str:
    """A prompt that is asked before the load."""
    return f"known {number}"


async def repeated(soak: Soak, kind: str, ask: Callable[[], Awaitable[None]], pause: float) -> None:
    """One client of a kind, until the end; an answer that is no HTTP is a failure like any other."""
    while not soak.over:
        try:
            await ask()
        except (httpx.HTTPError, ValueError, KeyError) as error:
            soak.failures.append(f"{kind}: {error!r}")
        await asyncio.sleep(pause)


async def flap(soak: Soak) -> None:
    """The provider is well, and ill, in turn."""
    for ill, well in zip(itertools.cycle(ILLS), itertools.cycle((WELL, RELAPSE)), strict=False):
        await asyncio.sleep(well)
        soak.ill = ill
        if ill == "gone":
            await asyncio.to_thread(soak.provider.stop)
        else:
            soak.provider.behave(faults=[ill])
        await asyncio.sleep(ILL)
        if ill == "gone":
            await asyncio.to_thread(soak.provider.start)
        soak.provider.behave(faults=[])
        soak.ill, soak.last_ill = "", time.monotonic()


async def redis(port: int, folder: Path) -> None:
    """A Redis that is killed and comes back, until this is cancelled."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: ASYNC220 - over at once
        try:
            await asyncio.sleep(REDIS_UP)
        finally:
            process.kill()
            process.wait()
        await asyncio.sleep(REDIS_DOWN)


async def seen(client: httpx.AsyncClient, pid: int) -> dict[str, float]:
    """What the server has now: the largest worker's memory, all workers' file descriptors and tasks."""
    told = {}
    for line in (await client.get("/metrics")).text.splitlines():
        name, _, value = line.rpartition(" ")
        told[name] = value
    pids = family(pid)
    fds = sum(len(os.listdir(f"/proc/{p}/fd")) for p in pids)  # noqa: PTH208 - it only counts
    return {"rss_mib": resident(pid), "fds": fds, "tasks": float(told["samplemind_tasks"])}


async def sample(soak: Soak, client: httpx.AsyncClient, pid: int) -> None:
    """Look once a second."""
    while not soak.over:
        soak.samples.append(await seen(client, pid))
        await asyncio.sleep(1)


async def soaked(soak: Soak, pid: int, seconds: float, redis_port: int, folder: Path) -> dict[str, Any]:
    """Load, then quiet; what was measured."""
    bare = httpx.AsyncClient(base_url=soak.url, timeout=30, limits=httpx.Limits(max_keepalive_connections=1))
    headers = {"x-samplemind-timeout": TIMEOUT, "content-type": "application/json"}
    many = httpx.Limits(max_connections=None)
    async with bare, httpx.AsyncClient(base_url=soak.url, timeout=30, headers=headers, limits=many) as client:
        clients = Clients(soak, client)
        # The long ones fill the 8 MiB of responses that a worker keeps, which is growth and no leak.
        for prompt in (*(f"long {n} " + "x" * 28_000 for n in range(150)), *map(cached_prompt, range(20))):
            (await client.post(CHAT, json=body(prompt))).raise_for_status()
        disturbing = [asyncio.create_task(redis(redis_port, folder)), asyncio.create_task(flap(soak))]
        # How many clients of each kind, and their pause between questions.
        kinds: dict[str, tuple[int, float]] = {
            "cached": (4, 0.02),
            "fresh": (6, 0.05),
            "streamed": (4, 0.05),
            "slow": (3, 0.1),
            "embedded": (1, 0.1),
            "gone": (3, 0.02),
        }
        await asyncio.sleep(5)  # what the first answers opened is idle, and closed, by now
        before = await seen(bare, pid)
        asking = [
            asyncio.create_task(repeated(soak, kind, getattr(clients, kind), pause))
            for kind, (count, pause) in kinds.items()
            for _ in range(count)
        ]
        looking = asyncio.create_task(sample(soak, bare, pid))
        await asyncio.sleep(seconds)
        soak.over = True
        await asyncio.gather(*asking, looking)
        for task in disturbing:
            task.cancel()
        await asyncio.gather(*disturbing, return_exceptions=True)
        await client.aclose()
        await asyncio.sleep(max(15.0, seconds / 10))
        return {"before": before, "after": await seen(bare, pid)}


def verdict(soak: Soak, ends: dict[str, dict[str, float]], *, settled: bool) -> dict[str, Any]:
    """All that was found; `wrong` says in words what should not be. Growth counts in a load that has settled."""
    quarter = len(soak.samples) // 4
    third, fourth = soak.samples[2 * quarter : 3 * quarter], soak.samples[3 * quarter :]
    grown = {name: floor(fourth, name) - floor(third, name) for name in MOST_GROWTH}
    left = {name: ends["after"][name] - ends["before"][name] for name in MOST_LEFT}
    wrong = [
        f"{name} grew by {grown[name]:.1f}" for name, most in MOST_GROWTH.items() if settled and grown[name] > most
    ]
    wrong += [f"{left[name]:.0f} {name} were left" for name, most in MOST_LEFT.items() if left[name] > most]
    if soak.failures:
        wrong.append(f"{len(soak.failures)} failures that the provider did not make")
    failures = Counter(soak.failures).most_common(20)
    highest = {name: max(s[name] for s in soak.samples) for name in MOST_GROWTH}
    counted = {"requests": dict(soak.counts), "excused": dict(soak.excused), "failures": dict(failures)}
    return {**counted, **ends, "highest": highest, "grown": grown, "wrong": wrong}


def floor(samples: list[dict[str, float]], name: str) -> float:
    """What it falls to when the provider is well: the lowest tenth. A leak raises it."""
    return statistics.quantiles((sample[name] for sample in samples), n=10)[0]


def show(found: dict[str, Any]) -> None:
    """The tables and the verdict."""
    print(f"{sum(found['requests'].values())} requests: " + ", ".join(f"{n} {k}" for k, n in found["requests"].items()))
    print("the provider's failures, told: " + (", ".join(f"{n} x {k}" for k, n in found["excused"].items()) or "none"))
    for told, count in found["failures"].items():
        print(f"FAILED {count} x {told}")
    print(f"{'':10}{'before':>10}{'highest':>10}{'after':>10}{'grown in the last quarter':>28}")
    for name in MOST_GROWTH:
        row = [found[when][name] for when in ("before", "highest", "after")]
        print(f"{name:10}" + "".join(f"{value:10.1f}" for value in row) + f"{found['grown'][name]:28.1f}")
    print("; ".join(found["wrong"]) or "all well")


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start the parts, soak, and end them."""
    port, redis_port = free_port(), free_port()
    with MockServer(latency_ms=20, tokens_per_second=2000) as provider:
        env = {**provider.exports, "SAMPLEMIND_OPENAI_RPM": "0", "HOME": str(folder)}
        env["SAMPLEMIND_REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
        command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", str(port)]
        with running([*command, "--workers", str(options.workers)], env, port, folder / "serve.log") as pid:
            soak = Soak(f"http://127.0.0.1:{port}", provider)
            ends = asyncio.run(soaked(soak, pid, options.minutes * 60, redis_port, folder))
        traces = [line for line in (folder / "serve.log").read_text().splitlines() if "Traceback" in line]
        soak.failures += [f"in the server's log: {line[:2000]}" for line in traces]
    return verdict(soak, ends, settled=options.minutes >= SETTLED)


def main() -> int:
    """Soak and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of load; a tenth of it is quiet at the end")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print everything measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options, Path(folder))
    print(json.dumps(found)) if options.json else show(found)
    return int(bool(found["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
