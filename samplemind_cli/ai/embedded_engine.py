"""The engine's process: serves one GGUF model in OpenAI's format on loopback, until its stdin closes.

A program of its own, started by `embedded.py`, because inside another program llama.cpp would hold the GIL while it
loads, hang at exit as long as a client is connected, and take everything down with it when it fails an assertion.
It imports nothing of samplemind: its start is part of the first answer's time.
"""

import json
import math
import os
import sys
from pathlib import Path

CONTEXT = 8192  # tokens, what the default model was trained on: 185 MB; a model trained on less gets less
QUIET = -1  # below the engine's errors


def serve() -> None:
    """Read `{path, name, key}` from stdin, write the address to stdout, and answer while stdin is open."""
    import xllamacpp

    order = json.loads(sys.stdin.readline())
    params = xllamacpp.CommonParams()  # its host is 127.0.0.1 and its port any free one
    params.model.path = order["path"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]  # every user of this machine can reach loopback
    params.n_ctx = CONTEXT
    params.ctx_shift = False  # a prompt that does not fit is refused, never cut
    params.cpuparams.n_threads = threads()
    params.fit_params = False  # with a context of fixed size there is nothing to fit: saves 0.25 s
    params.warmup = False  # the first prompt warms up as well: saves 0.05 s
    params.ui = False
    params.verbosity = QUIET
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # an orderly end would wait for every client


def threads() -> int:
    """How many threads compute: half of the processors this process may use.

    They wait for each other spinning, so that one that shares its processor holds up all: on two processors with one
    busy neighbour, two threads make 3 tokens/s and one makes 25; with none, 120 and 70. With two hardware threads to a
    core, half of the processors is every core.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, container_share(Path("/sys/fs/cgroup/cpu.max"))) // 2)


def container_share(file: Path) -> int:
    """The processors a cgroup grants, rounded up: "$MAX $PERIOD" in https://docs.kernel.org/admin-guide/cgroup-v2.html."""
    try:
        quota, period = file.read_text().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return sys.maxsize


if __name__ == "__main__":
    serve()
