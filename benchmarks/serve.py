"""`samplemind serve` beside LiteLLM's proxy, before the same stub provider, in one interleaved run.

LiteLLM is installed into an environment of its own (--litellm FOLDER keeps it). Its cache is its fastest, in memory;
so no Redis is needed. Ratios count, not milliseconds: all processes share this machine with whatever else runs on it.

Run: python benchmarks/serve.py [--seconds 2] [--rounds 5] [--workers 1] [--litellm FOLDER] [--json]
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LOAD = Path(__file__).with_name("load.py")
REQUIREMENT = "litellm[proxy]!=1.82.7,!=1.82.8"  # those two were malicious releases
CONNECTIONS = (1, 16, 64)
TOKEN = "sk-benchmark-of-loopback-alone"  # LiteLLM does not start without one; both check it
TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = """
model_list:
  - model_name: openai/stub
    litellm_params: {{model: openai/stub, api_base: "{stub}/v1", api_key: k}}
litellm_settings: {{cache: true, cache_params: {{type: local}}, telemetry: false}}
"""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def installed(folder: Path) -> Path:
    """LiteLLM's proxy in an environment in `folder`, made there unless it is."""
    program = folder / "bin" / "litellm"
    if not program.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", REQUIREMENT], check=True)
    return program


@contextlib.contextmanager
def running(command: list[str], env: Mapping[str, str], port: int, log: Path) -> Iterator[int]:
    """A server's process id, from when it answers on `port` until it is ended."""
    with log.open("wb") as told:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=told, stderr=told)
    try:
        for _ in range(1200):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended:\n{log.read_text()[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *map(int, children.read_text().split() if children.exists() else [])]


def resident(pid: int) -> float:
    """MiB of the largest of a process and its children."""
    sizes = (Path(f"/proc/{p}/status").read_text().partition("VmRSS:")[2].split()[0] for p in family(pid))
    return max(map(int, sizes)) / 1024


def spent(pid: int) -> float:
    """Seconds of CPU of a process and its children."""
    fields = (Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split() for p in family(pid))
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


def load(url: str, connections: int, seconds: float, kind: str, pid: int) -> dict[str, float]:
    """One run of the load generator, with the server's CPU time per request."""
    before = spent(pid)
    command = [sys.executable, str(LOAD), url, str(connections), str(seconds), kind, TOKEN]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    requests = found["rps"] * (seconds + min(1.0, seconds / 4))
    return found | {"cpu_ms": (spent(pid) - before) * 1000 / requests if requests else 0.0}


def measure(servers: dict[str, tuple[str, int]], seconds: float, rounds: int) -> dict[str, Any]:
    """Every server under every load, taking turns: each number is the median of the rounds."""
    results: dict[str, Any] = {name: {} for name in servers}
    for kind in ("cached", "fresh"):
        for connections in CONNECTIONS:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
            for _ in range(rounds):
                for name, (url, pid) in servers.items():
                    runs[name].append(load(f"{url}/v1/chat/completions", connections, seconds, kind, pid))
            for name, found in runs.items():
                results[name][f"{kind} {connections}"] = {
                    key: statistics.median(run[key] for run in found) for key in found[0]
                } | {"errors": sum(run["errors"] for run in found)}
    for name, (_, pid) in servers.items():
        results[name]["rss_mib"] = resident(pid)
    return results


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start all three, measure, and end them."""
    program = installed(Path(options.litellm) if options.litellm else folder / "litellm")
    stub = subprocess.Popen([sys.executable, str(LOAD), "--stub"], stdout=subprocess.PIPE, text=True)
    assert stub.stdout is not None
    stub_url = f"http://127.0.0.1:{int(stub.stdout.readline())}"
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(stub=stub_url))
    ours, theirs = free_port(), free_port()
    env = {
        "OPENAI_BASE_URL": f"{stub_url}/v1",
        "OPENAI_API_KEY": "k",
        "SAMPLEMIND_OPENAI_RPM": "0",
        "HOME": str(folder),
    }
    serve = [sys.executable, "-m", "samplemind_cli", "serve", "--port", str(ours), "--workers", str(options.workers)]
    proxy = [str(program), "--config", str(config), "--port", str(theirs), "--host", "127.0.0.1"]
    # Without the public price list, which it would fetch as it starts.
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MASTER_KEY": TOKEN}
    try:
        with (
            running(serve, env, ours, folder / "serve.log") as our_pid,
            running(proxy, quiet, theirs, folder / "litellm.log") as their_pid,
        ):
            time.sleep(2)
            servers = {
                "stub": (stub_url, stub.pid),
                "samplemind": (f"http://127.0.0.1:{ours}", our_pid),
                "litellm": (f"http://127.0.0.1:{theirs}", their_pid),
            }
            return measure(servers, options.seconds, options.rounds)
    finally:
        stub.kill()
        stub.communicate()


def show(results: dict[str, Any]) -> None:
    """The table, and what is aimed at."""
    ours, theirs, stub = results["samplemind"], results["litellm"], results["stub"]
    print(f"{'load':10} {'samplemind':>34} {'litellm':>34} {'ratio':>7}")
    for name in (key for key in ours if key != "rss_mib"):
        cells = [
            f"{r[name]['rps']:8.0f} RPS p50 {r[name]['p50_ms']:7.2f} p99 {r[name]['p99_ms']:7.1f}"
            for r in (ours, theirs)
        ]
        ratio = ours[name]["rps"] / max(theirs[name]["rps"], 0.001)
        print(f"{name:10} {cells[0]:>34} {cells[1]:>34} {ratio:6.0f}x  CPU {ours[name]['cpu_ms']:.3f} ms")
    cached, fresh = (ours[f"{kind} 16"]["rps"] / theirs[f"{kind} 16"]["rps"] for kind in ("cached", "fresh"))
    added = ours["fresh 1"]["p50_ms"] - stub["fresh 1"]["p50_ms"]
    print(f"cached, 16 connections: {cached:.0f}x (aim 100x)   fresh: {fresh:.0f}x (aim 30x)")
    print(f"added latency at 1 connection: {added:.2f} ms (aim 1.5)")
    print(f"p99 cached, 64 connections: {ours['cached 64']['p99_ms']:.1f} ms (aim 30)")
    print(f"RSS per worker: {ours['rss_mib']:.0f} MiB (aim 80), LiteLLM {theirs['rss_mib']:.0f} MiB")
    print(f"errors: {sum(r['errors'] for r in ours.values() if isinstance(r, dict))}")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="per load, server and round")
    parser.add_argument("--rounds", type=int, default=5, help="in which the servers take turns under a load")
    parser.add_argument("--workers", type=int, default=1, help="of samplemind")
    parser.add_argument("--litellm", help="a folder to keep LiteLLM's environment in")
    parser.add_argument("--json", action="store_true", help="print everything measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = run(options, Path(folder))
    print(json.dumps(results)) if options.json else show(results)


if __name__ == "__main__":
    main()
