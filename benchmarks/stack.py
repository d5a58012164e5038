"""`samplemind` beside `docker compose`: the same deed by turns, medians and their ratio. Needs the Docker engine.

    python benchmarks/stack.py [ROUNDS]

The stack is the carried one: Redis, Ollama and MongoDB, and an api in a plain Python image, as its build is not the
matter here. It has a project name and ports of its own, and goes with its volumes at the end.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

OURS = str(Path(sys.executable).with_name("samplemind"))
CARRIED = Path(__file__).parents[1] / "compose" / "compose.yaml"
WAIT = ("up", "--detach", "--wait")
# What is done: ours, theirs, and how many times their time it may take.
DEEDS: dict[str, tuple[Sequence[str], Sequence[str], float]] = {
    "up, cold": (("up",), WAIT, 1.10),
    "up, nothing to do": (("up",), WAIT, 1.5),
    "ps": (("ps",), ("ps",), 2.5),
    "logs": (("logs",), ("logs",), 2.0),
    "down": (("down",), ("down",), 1.3),
}
RUNNING = ("up, nothing to do", "ps", "logs")  # done while the stack is up, SEVERAL times in a round
SEVERAL = 4
API = """
services:
  api:
    image: python:3.13-slim
    build: !reset null
    init: true
    command: [python, -c, "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port=8000)"]
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8000', timeout=2)"]
"""


def seconds(command: Sequence[str], env: dict[str, str]) -> float:
    """How long the command takes, as a process. Raises when it fails."""
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def measured(rounds: int, compose: Sequence[str], env: dict[str, str]) -> dict[str, tuple[list[float], list[float]]]:
    """The seconds of every deed, ours and theirs; in each round both bring the stack up and down, in turn first."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in DEEDS}

    def do(name: str, who: int) -> None:
        ours, theirs, _ = DEEDS[name]
        times[name][who].append(seconds([*compose, *theirs] if who else [OURS, *ours], env))

    for number in range(rounds):
        for who in (number % 2, 1 - number % 2):
            do("up, cold", who)
            for turn in range(SEVERAL):
                for name in RUNNING:
                    do(name, turn % 2)
                    do(name, 1 - turn % 2)
            do("down", who)
    return times


def main(rounds: int) -> int:
    """Measure and print; 1 when a ratio is over its bound."""
    with tempfile.TemporaryDirectory() as folder:
        files = [CARRIED, Path(folder) / "api.yaml"]
        files[1].write_text(API)
        ports = {f"{name}_PORT": str(21000 + i) for i, name in enumerate(("REDIS", "OLLAMA", "MONGO", "API"))}
        env = {**os.environ, **ports, "HOME": folder, "COMPOSE_PROJECT_NAME": "samplemind-benchmark"}
        env["SAMPLEMIND_COMPOSE_FILE"] = os.pathsep.join(map(str, files))
        compose = ["docker", "compose", *(word for file in files for word in ("--file", str(file)))]
        try:
            seconds([*compose, *WAIT], env)  # volumes are made and filled once
            seconds([*compose, "down"], env)
            times = measured(rounds, compose, env)
        finally:
            seconds([*compose, "down", "--volumes", "--timeout", "2"], env)
    print(f"median ms of       samplemind   compose   ratio  at most   ({rounds} rounds)")
    return max(told(name, *times[name]) for name in DEEDS)


def told(name: str, ours: list[float], theirs: list[float]) -> int:
    """Print a row; 1 when its ratio is over the bound."""
    mine, other, most = statistics.median(ours), statistics.median(theirs), DEEDS[name][2]
    over = mine / other > most
    print(f"{name:18} {mine * 1e3:10.0f} {other * 1e3:9.0f} {mine / other:7.2f} {most:8.2f}{'  over' if over else ''}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
