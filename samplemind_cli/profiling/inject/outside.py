# ruff: noqa: INP001 - copied beside sitecustomize.py, and loaded by its path
"""Wait for a profiler in another process before the program starts, and write the times at its end."""

from __future__ import annotations

import atexit
import json
import os
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE, POLL = 5.0, 0.001  # seconds
PR_SET_PTRACER = 0x59616D61
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time, "main_thread": time.thread_time}


def begin(options: dict[str, Any]) -> None:
    """Wait for the profiler in the first process; allow it to attach to each."""
    if options["permit"]:
        permit(options["permit"])
        os.register_at_fork(after_in_child=lambda: permit(options["permit"]))
    try:
        (HERE / "running").touch(exist_ok=False)
    except OSError:  # a child
        return
    limit = time.monotonic() + PATIENCE
    while not (HERE / "sampling").exists() and time.monotonic() < limit:
        time.sleep(POLL)
    began = {name: clock() for name, clock in CLOCKS.items()}
    atexit.register(write_times, options, began, os.getpid())


def write_times(options: dict[str, Any], began: dict[str, float], pid: int) -> None:
    """Write the times of the first process, and of those of its children that have ended."""
    if os.getpid() != pid:
        return
    times = {name: clock() - began[name] for name, clock in CLOCKS.items()}
    ended = os.times()
    times["children"] = ended.children_user + ended.children_system
    Path(options["out"], f"{options['kind']}.{pid}.json").write_text(json.dumps(times), "utf-8")


def permit(pid: int) -> None:
    """Let this process and its children attach to us, where Linux allows only ancestors to."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)
