"""What `samplemind pull-models` costs over `ollama pull` of one model: fresh stores, one registry, runs interleaved.

Usage: python benchmarks/pull_overhead.py [ROUNDS [MEGABYTES [MEGABYTES_PER_SECOND]]]
The `ollama` binary is the one in PATH, or SAMPLEMIND_TEST_OLLAMA. The registry is scripted and on loopback. What we
add is a constant, the start and the plan; the defaults (20 s: 250 MB over about 100 Mbit/s, or the set's smallest
model over 1 Gbit/s) say what it is beside the shortest pull that people really wait for.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
registry_module = import_module("parts.registry")

BINARY = os.environ.get("SAMPLEMIND_TEST_OLLAMA") or shutil.which("ollama") or "ollama"


def main(rounds: int = 3, megabytes: int = 250, rate: int = 5) -> None:
    """Print each round's seconds, and the ratio of the medians."""
    times: dict[str, list[float]] = {"ollama pull": [], "samplemind pull-models": []}
    with registry_module.Registry(rate=rate * 1_000_000) as registry:
        name = registry.add("bench", os.urandom(megabytes * 1_000_000))
        ours = [sys.executable, "-m", "samplemind_cli", "pull-models", name, "--insecure", "--force"]
        for _ in range(rounds):
            for label, command in (
                ("ollama pull", [BINARY, "pull", "--insecure", name]),
                ("samplemind pull-models", ours),
            ):
                times[label].append(timed(command))
                print(f"{label:<24}{times[label][-1]:7.2f} s", flush=True)
    theirs, mine = (median(values) for values in times.values())
    print(f"{megabytes} MB, {rate} MB/s per connection: {mine / theirs:.3f}x, {mine - theirs:+.2f} s (target: 1.05x)")


def timed(command: list[str]) -> float:
    """Seconds that a pull into a fresh daemon takes, the command's own start included."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HOME": folder, "OLLAMA_HOST": host, "OLLAMA_MODELS": f"{folder}/store"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        daemon = subprocess.Popen([BINARY, "serve"], env=env, **quiet)  # type: ignore[call-overload]
        try:
            wait_for(f"http://{host}/api/version")
            began = time.perf_counter()
            subprocess.run(command, env=env, cwd=folder, check=True, **quiet)  # type: ignore[call-overload]
            return time.perf_counter() - began
        finally:
            daemon.kill()
            daemon.wait()


def wait_for(url: str) -> None:
    """Until it answers, for 30 s."""
    for _ in range(300):
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers at {url}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
