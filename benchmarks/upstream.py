"""CPU of a fresh request through `serve`, of this tree and of others, before the same stub provider, taking turns.

Run: python benchmarks/upstream.py [--against FOLDER …] [--seconds 2] [--rounds 5] [--connections 16]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from serve import LOAD, free_port, load, resident, running

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", nargs="*", default=[], help="folders that hold another samplemind_cli")
    parser.add_argument("--seconds", type=float, default=2.0, help="per tree and round")
    parser.add_argument("--rounds", type=int, default=5, help="in which the trees take turns")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    stub = subprocess.Popen([sys.executable, str(LOAD), "--stub"], stdout=subprocess.PIPE, text=True)
    assert stub.stdout is not None
    env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{int(stub.stdout.readline())}/v1", "OPENAI_API_KEY": "k"}
    env |= {"SAMPLEMIND_OPENAI_RPM": "0"}
    with contextlib.ExitStack() as stack:
        stack.callback(stub.wait)
        stack.callback(stub.kill)
        servers = {}
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
            print(name, json.dumps(medians | {"rss_mib": round(resident(servers[name][1]))}))


if __name__ == "__main__":
    main()
