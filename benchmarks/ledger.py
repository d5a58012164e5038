"""What the ledger costs, in one interleaved run: `serve` with it and without, and the repeated `ask`.

Of `serve` the CPU seconds per cached answer are compared, in pairs of rounds: others on this machine disturb them less
than requests per second, which are told beside. Several pairs of servers take part: single pairs came to 0.98, 1.02 and
1.04 on one day. Of `ask` the whole process is compared with `python -c pass`.

Run: python benchmarks/ledger.py [--servers 8] [--rounds 5] [--seconds 1] [--connections 16] [--json]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samplemind_cli.ledger import log
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

LOAD = Path(__file__).with_name("load.py")
SERVE_TARGET, ASK_TARGET = 1.02, 1.5
PAUSE = 1.5  # seconds in which the last lines are written


@contextlib.contextmanager
def serving(folder: Path, mock: MockServer, history: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """A server's process id, its URL, and the environment it runs in."""
    folders = {f"XDG_{kind.upper()}_HOME": str(folder / kind) for kind in ("config", "cache", "state", "data")}
    env = {"HOME": str(folder), "SAMPLEMIND_HISTORY": history, **folders, **mock.exports}
    command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if process.stdout is None:
            raise AssertionError
        yield process.pid, json.loads(process.stdout.readline())["url"], env
    finally:
        process.terminate()
        process.wait()


def used(pid: int) -> float:
    """CPU seconds of a process's threads so far; the scheduler's own count, as ticks are too coarse."""
    counts = (path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(map(int, counts)) / 1e9


def load(pid: int, url: str, args: argparse.Namespace) -> tuple[float, float]:
    """CPU seconds per cached answer, and requests per second."""
    command = [sys.executable, str(LOAD), f"{url}/v1/chat/completions", str(args.connections), str(args.seconds), "hot"]
    before, answered = used(pid), requests(url)
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    answers = requests(url) - answered
    return (used(pid) - before) / answers, found["rps"]


def requests(url: str) -> int:
    """How many requests a server has answered."""
    import httpx

    text = httpx.get(f"{url}/metrics", trust_env=False, verify=False).text
    lines = [line for line in text.splitlines() if line.startswith("samplemind_requests_total{")]
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if "chat/completions" in line))


def of_serve(args: argparse.Namespace, mock: MockServer, folder: Path) -> dict[str, Any]:
    """With the ledger and without it, in turn."""
    ratios: list[float] = []
    rps: dict[str, list[float]] = {"on": [], "off": []}
    asked = 0
    for _ in range(args.servers):
        with contextlib.ExitStack() as ends:
            servers = {word: ends.enter_context(serving(folder / word, mock, word)) for word in rps}
            for pid, url, _ in servers.values():
                load(pid, url, args)  # warm
            for turn in range(args.rounds):
                cpu = {}
                for word in ("on", "off") if turn % 2 else ("off", "on"):
                    pid, url, _ = servers[word]
                    cpu[word], each = load(pid, url, args)
                    rps[word].append(each)
                ratios.append(cpu["on"] / cpu["off"])
            _, url, env = servers["on"]
            asked += requests(url)
            time.sleep(PAUSE)
    with Ledger(Settings.load(env)).open() as connection:
        counted = sum(call["times"] for call in log.latest(connection, 10**7))
    median = {word: statistics.median(values) for word, values in rps.items()}
    return {
        "serve_cpu_ratio": round(statistics.median(ratios), 4),
        "serve_rps_ratio": round(median["on"] / median["off"], 4),
        "serve_rps": round(median["on"]),
        "asked": asked,
        "counted": counted,
    }


def of_ask(args: argparse.Namespace, mock: MockServer, folder: Path) -> dict[str, Any]:
    """A repeated question, which the ledger counts, beside an interpreter that does nothing."""
    folders = {f"XDG_{kind.upper()}_HOME": str(folder / "ask" / kind) for kind in ("config", "cache", "state", "data")}
    env = {**os.environ, "HOME": str(folder), **folders, **mock.exports}
    script = Path(sys.executable).with_name("samplemind")
    ask, bare = [str(script), "ask", "-m", "openai/any", "hi"], [sys.executable, "-c", "pass"]
    times: dict[str, list[float]] = {"ask": [], "bare": []}
    runs = 2 + 2 * args.servers * args.rounds
    for turn in range(runs):
        for name, command in (("ask", ask), ("bare", bare)):
            began = time.perf_counter()
            subprocess.run(command, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)
            if turn > 1:  # the first is asked, the second remembered
                times[name].append(time.perf_counter() - began)
    with Ledger(Settings.load(env)).open() as connection:
        counted = sum(call["times"] for call in log.latest(connection, 10**6))
    each = [one / other for one, other in zip(times["ask"], times["bare"], strict=True)]
    return {"ask_ratio": round(statistics.median(each), 3), "ask_asked": runs, "ask_counted": counted}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=8, help="pairs of them, one after the other")
    parser.add_argument("--rounds", type=int, default=5, help="with each pair")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, MockServer() as mock:
        found = of_serve(args, mock, Path(folder)) | of_ask(args, mock, Path(folder))
    targets = {"serve_cpu_ratio": SERVE_TARGET, "ask_ratio": ASK_TARGET}
    if args.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            goal = f"   target: at most {targets[name]}" if name in targets else ""
            print(f"{name:<18} {value:>12}{goal}")
    if found["counted"] != found["asked"] or found["ask_counted"] != found["ask_asked"]:
        sys.exit("calls are missing in the ledger")


if __name__ == "__main__":
    main()
