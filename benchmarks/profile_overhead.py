"""What `samplemind profile` costs, and how right its shares are: json round trips, a recursive fib, a regex, in turns.

Usage: python benchmarks/profile_overhead.py [ROUNDS [SECONDS]]
Each round runs the same amount of work bare, with each engine, and with py-spy itself at 1000 Hz, in random order. The
cost is the median ratio of the program's own wall and processor time to the bare run of its round. Shares are those of
the three parts in all their callees; "truth" is the program's own processor time in the bare runs.
"""

import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

PARTS = ("trips", "recursion", "search")
PROGRAM = """
import json, re, sys, time
DOCUMENT = {"items": [{"id": i, "name": f"item {i}", "tags": ["a", "b"], "price": i * 1.5} for i in range(200)]}
WORD, TEXT = re.compile(r"(\\w+)@(\\w+)\\.(com|org)"), " ".join(f"user{i}@host{i}.com some words" for i in range(300))
def trips():
    for _ in range(25):
        json.loads(json.dumps(DOCUMENT))
def recursion():
    fib(24)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def search():
    for _ in range(25):
        WORD.findall(TEXT)
took, began = dict.fromkeys(("trips", "recursion", "search"), 0.0), time.perf_counter()
for _ in range(int(sys.argv[1])):
    for work in (trips, recursion, search):
        start = time.process_time()
        work()
        took[work.__name__] += time.process_time() - start
print(json.dumps({"wall": time.perf_counter() - began, "cpu": sum(took.values()), **took}))
"""
SAMPLEMIND = [sys.executable, "-m", "samplemind_cli", "profile"]
SPY = str(Path(sysconfig.get_path("scripts"), "py-spy"))
FRAME = re.compile(r"([^;]+?) \([^;]+:\d+\)(?=;| \d+$)")


def main(rounds: int = 7, seconds: float = 3.0) -> None:
    """Print costs and shares."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "program.py").write_text(PROGRAM)
        turns = str(max(1, round(seconds / run([sys.executable, "program.py", "20"], place)["wall"] * 20)))
        program = ["program.py", turns]
        spied = [SPY, "record", "--rate", "1000", "--format", "raw", "--output", "spy.txt", "--", sys.executable]
        ways = {
            "bare": [sys.executable, *program],
            "py-spy": [*SAMPLEMIND, "--engine", "py-spy", "--", *program],
            "pyinstrument": [*SAMPLEMIND, "--engine", "pyinstrument", "--", *program],
            "py-spy at 1000 Hz": [*spied, *program],
        }
        costs: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        shares: dict[str, list[list[float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            told = {way: run(ways[way], place) for way in random.sample(list(ways), len(ways))}
            for way, one in told.items():
                costs[way].append(tuple(one[clock] / told["bare"][clock] for clock in ("wall", "cpu")))
                shares[way].append(one["shares"])
        report(costs, shares)


def run(command: list[str], place: Path) -> dict[str, Any]:
    """What the program told of itself, with the shares as the profiler told them; the program's own where none did."""
    env = {**os.environ, "XDG_STATE_HOME": str(place / "state")}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=True)
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    if command[0] == SPY:
        shares = spied(place / "spy.txt")
    elif "profile" in command:
        kept = next(line for line in done.stderr.splitlines() if line.startswith("profile ")).split(": ", 1)[1]
        frames = json.loads((Path(kept) / "cpu.frames.json").read_bytes())["frames"]
        totals = {frame["function"]: frame["total"] for frame in frames}
        shares = [totals[part] for part in PARTS]
    else:
        shares = [told[part] for part in PARTS]
    return {**told, "shares": [100 * share / sum(shares) for share in shares]}


def spied(file: Path) -> list[float]:
    """Samples of each part."""
    samples = dict.fromkeys(PARTS, 0.0)
    for line in file.read_text().splitlines():
        for part in samples.keys() & set(FRAME.findall(line)):
            samples[part] += int(line.rpartition(" ")[2])
    return [samples[part] for part in PARTS]


def report(costs: dict[str, list[tuple[float, float]]], shares: dict[str, list[list[float]]]) -> None:
    """A line for each way."""
    spy = [mean(column) for column in zip(*shares["py-spy at 1000 Hz"], strict=True)]
    print(f"{'':<20}{'wall':>7}{'cpu':>7}  {'  '.join(f'{part:>9}' for part in PARTS)}  from py-spy at 1000 Hz")
    for way, ratios in costs.items():
        wall, cpu = (median(column) for column in zip(*ratios, strict=True))
        means = [mean(column) for column in zip(*shares[way], strict=True)]
        apart = max(abs(one - other) for one, other in zip(means, spy, strict=True))
        row = "  ".join(f"{share:7.1f} %" for share in means)
        print(f"{way if way != 'bare' else 'bare (truth)':<20}{wall:6.2f}x{cpu:6.2f}x  {row}  {apart:.1f} points")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, float), sys.argv[1:], strict=False)))
