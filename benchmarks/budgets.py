"""A budget under fire: two servers of two workers each, 64 connections, one price, and the mock that counts the calls.

Fails if one call goes over the budget, or if the sum differs from what the mock counted by a cent. With --kill one
server is killed in the middle; what its calls may have cost stays spent then, so that the sum may be more than was
counted, and never over. Then what a budget costs: fresh requests per second with a budget that is never reached, and
without one, in turn.

Run: python benchmarks/budgets.py [--connections 64] [--requests 3000] [--kill] [--rounds 3] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from samplemind_cli.budgets import Budget
from samplemind_cli.ledger.accounts import NANO, Accounts, of
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.mock import MockServer
from samplemind_cli.mock.model import count_tokens
from samplemind_cli.settings import Settings

PRICE = '["openai/any"]\ninput = 1000\noutput = 1000\n'  # dollars per million tokens: a tenth of a cent for each
CENT = NANO // 100
LONGEST = 8  # tokens of an answer
NEVER = 1e9  # dollars


def served(env: dict[str, str], ends: ExitStack) -> tuple[subprocess.Popen[bytes], str]:
    """A server of two workers, and where it is."""
    command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", "0", "--json", "--workers", "2"]
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    ends.callback(process.wait)
    ends.callback(process.terminate)
    if process.stdout is None:
        raise AssertionError
    return process, json.loads(process.stdout.readline())["url"]


def asked(url: str, n: int, http: httpx.Client) -> int | None:
    """The status of one fresh question; None where the server was gone."""
    messages = [{"role": "user", "content": f"question number {n} of many"}]
    body = {"model": "openai/any", "max_tokens": LONGEST, "messages": messages}
    try:
        return http.post(f"{url}/v1/chat/completions", json=body).status_code
    except httpx.TransportError:
        return None


def load(urls: list[str], count: int, connections: int, start: int = 0) -> list[int | None]:
    """The status of each of many fresh questions, from so many connections, to the servers in turn."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    with (
        httpx.Client(timeout=60, limits=limits, verify=False, trust_env=False) as http,
        ThreadPoolExecutor(connections) as threads,
    ):
        return list(threads.map(lambda n: asked(urls[n % len(urls)], n, http), range(start, start + count)))


def counted(mock: MockServer) -> int:
    """What the calls cost that the mock got, in billionths of a dollar."""
    total = 0
    for request in mock.requests:
        words = request.body["messages"][-1]["content"]
        total += count_tokens(words) + min(LONGEST, count_tokens(f"You said: {words}"))
    return total * NANO // 1000


def spent(env: dict[str, str], dollars: float) -> tuple[int, int]:
    """What is spent and held of the budget."""
    settings = Settings.load(env)
    own = Accounts(settings, Prices(settings.config_dir))
    try:
        return own.sums(of([Budget(dollars, "day")], dict.fromkeys(("client", "session", "batch"), ""))[0])
    finally:
        own.close()


def home(folder: Path, mock: MockServer, dollars: float | None) -> dict[str, str]:
    """The environment of a new user with this budget."""
    config = folder / "config" / "samplemind"
    config.mkdir(parents=True)
    (config / "prices.toml").write_text(PRICE)
    (config / "config.toml").write_text("" if dollars is None else f"[budgets]\nday = {dollars}\n")
    folders = {f"XDG_{kind.upper()}_HOME": str(folder / kind) for kind in ("config", "cache", "state", "data")}
    return {**folders, "HOME": str(folder), **mock.exports}


def exact(args: argparse.Namespace, mock: MockServer) -> dict[str, Any]:
    """Ask more than the budget allows, and compare."""
    dollars = args.requests * 0.006  # about half of what all of them would cost
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        env = home(Path(folder), mock, dollars)
        servers = [served(env, ends) for _ in range(2)]
        killing = ThreadPoolExecutor(1)
        if args.kill:
            killing.submit(_kill, servers[0][0], mock, args.requests // 6)
        statuses = load([url for _, url in servers], args.requests, args.connections)
        killing.shutdown()
        total, held = spent(env, dollars)
    made = len(mock.requests)
    known = counted(mock)
    return {
        "budget": dollars,
        "connections": args.connections,
        "requests": args.requests,
        "answered": statuses.count(200),
        "refused": statuses.count(429),
        "lost": statuses.count(None),
        "calls_the_mock_got": made,
        "spent": total / NANO,
        "held": held / NANO,
        "counted_by_the_mock": known / NANO,
        "never_over": total <= dollars * NANO and known <= dollars * NANO,
        "right_to_the_cent": known <= total + CENT if args.kill else abs(total - known) < CENT,
    }


def _kill(process: subprocess.Popen[bytes], mock: MockServer, after: int) -> None:
    mock.wait_until(lambda: len(mock.requests) > after, 60)
    os.killpg(process.pid, 9)


def overhead(args: argparse.Namespace, mock: MockServer) -> dict[str, Any]:
    """Fresh requests per second, with a budget and without one."""
    found: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        urls = {}
        for kind, dollars in (("with", NEVER), ("without", None)):
            urls[kind] = served(home(Path(folder, kind), mock, dollars), ends)[1]
            load([urls[kind]], 64, 16, start=10_000_000)
        for turn in range(args.rounds):
            for kind, url in urls.items():
                began = time.perf_counter()
                load([url], 500, 16, start=turn * 1000)
                found[kind].append(500 / (time.perf_counter() - began))
    rps = {kind: round(statistics.median(values), 1) for kind, values in found.items()}
    return {"fresh_rps": rps, "ratio": round(rps["with"] / rps["without"], 3)}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3, help="0: only whether it is exact")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with MockServer(latency_ms=20) as mock:
        found = exact(args, mock)
    if args.rounds:
        with MockServer() as mock:
            found |= overhead(args, mock)
    print(json.dumps(found) if args.json else "\n".join(f"{name:<20} {value}" for name, value in found.items()))
    if not (found["never_over"] and found["right_to_the_cent"]):
        sys.exit("the budget was not kept")


if __name__ == "__main__":
    main()
