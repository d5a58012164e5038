"""CPU of a fresh request through one worker of `serve` and through a bare forward, before one stub, taking turns.

The forward (benchmarks/bare.py) is uvicorn and aiohttp, in an environment of its own (--bare FOLDER keeps it): `serve`
may cost twice its CPU. --against names other trees to measure beside this one.

Run: python benchmarks/upstream.py [--bare FOLDER] [--against FOLDER …] [--seconds 2] [--rounds 5] [--connections 16]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from serve import LOAD, free_port, load, resident, running

ROOT = Path(__file__).parents[1]
BARE = ("uvicorn[standard]", "aiohttp")


def python_with_uvicorn(folder: Path) -> Path:
    """The interpreter of an environment in `folder` that has what the bare forward needs, made there unless it is."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *BARE], check=True)
    return python


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bare", metavar="FOLDER", help="where the forward's environment is kept")
    parser.add_argument("--against", nargs="*", default=[], help="folders that hold another samplemind_cli")
    parser.add_argument("--seconds", type=float, default=2.0, help="per tree and round")
    parser.add_argument("--rounds", type=int, default=5, help="in which the trees take turns")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    stub = subprocess.Popen([sys.executable, str(LOAD), "--stub"], stdout=subprocess.PIPE, text=True)
    assert stub.stdout is not None
    stub_url = f"http://127.0.0.1:{int(stub.stdout.readline())}"
    env = {"OPENAI_BASE_URL": f"{stub_url}/v1", "OPENAI_API_KEY": "k"}
    with contextlib.ExitStack() as stack:
        stack.callback(stub.wait)
        stack.callback(stub.kill)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python, port = python_with_uvicorn(Path(options.bare or scratch / "bare")), free_port()
        command = [str(python), "-m", "uvicorn", "--app-dir", str(ROOT / "benchmarks"), "--port", str(port)]
        command += ["--log-level", "warning", "--no-access-log", "bare:app"]
        pid = stack.enter_context(running(command, {"STUB": stub_url}, port, scratch / "log"))
        servers = {"bare": (f"http://127.0.0.1:{port}/v1/chat/completions", pid)}
        for tree in (ROOT, *map(Path, options.against)):
            home, port = Path(stack.enter_context(tempfile.TemporaryDirectory())), free_port()
            command = [sys.executable, "-P", "-m", "samplemind_cli", "serve", "--port", str(port)]
            place = {**env, "HOME": str(home), "PYTHONPATH": os.fspath(tree.resolve())}
            pid = stack.enter_context(running(command, place, port, home / "log"))
            servers[tree.resolve().name] = (f"http://127.0.0.1:{port}/v1/chat/completions", pid)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, (url, pid) in servers.items():
                runs[name].append(load(url, options.connections, options.seconds, "fresh", pid))
        for name, found in runs.items():
            medians = {key: round(statistics.median(run[key] for run in found), 3) for key in found[0]}
            ratio = statistics.median(
                run["cpu_ms"] / bare["cpu_ms"] for run, bare in zip(found, runs["bare"], strict=True)
            )
            medians |= {"cpu_of_bare": round(ratio, 2), "rss_mib": round(resident(servers[name][1]))}
            print(name, json.dumps(medians))


if __name__ == "__main__":
    main()
