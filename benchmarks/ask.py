"""How long the command line takes, as ratios to `python -c pass`, all in one interleaved run.

It asks a mock on loopback that answers at once, and leaves the user's caches alone. Run: python benchmarks/ask.py
"""

import statistics
import tempfile
from pathlib import Path

from samplemind_cli.bench.rows.cli import BARE, ratios, start_ups, whole_processes
from samplemind_cli.mock import MockServer

ROUNDS = 40
TARGETS = {"ask again": "1.5, aim 1.25", "--version": "1.5", "--help": "8"}
BEYOND_CURL = "250"  # milliseconds


def show(what: str, value: str, target: str = "") -> None:
    """One line."""
    print(f"{what:34} {value:>9}" + (f"   target: at most {target}" if target else ""))


def main() -> None:
    """Print the ratios, medians of those of every round, beside their targets."""
    with tempfile.TemporaryDirectory() as folder, MockServer() as server:
        times = whole_processes(Path(folder), server, rounds=ROUNDS, seconds=300)
        starts, failed = start_ups(Path(folder), rounds=ROUNDS // 2)
    show(BARE, f"{statistics.median(times[BARE]) * 1000:.1f} ms")
    for name, target in TARGETS.items():
        show(f"{name} / {BARE}", f"{statistics.median(ratios(times, name)):.2f}x", target)
    if "curl" in times:
        beyond = [ask - curl for ask, curl in zip(times["ask"], times["curl"], strict=True)]
        show("uncached ask - curl", f"{statistics.median(beyond) * 1000:.0f} ms", BEYOND_CURL)
    else:
        show("uncached ask - curl", "no curl")
    for name in sorted(starts.keys() - {BARE}):
        show(f"{name} --help / {BARE}", f"{statistics.median(ratios(starts, name)):.2f}x")
    for name, error in failed.items():
        show(f"{name} --help", f"failed: {error.message}")


if __name__ == "__main__":
    main()
