"""What the numbers were measured on; two runs are comparable when it is the same."""

import os
import platform
from pathlib import Path

from samplemind_cli import __version__


def fingerprint() -> dict[str, str | int]:
    """Processor, how many of them may be used, system and Python."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": _processor(),
        "processors": usable,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def described() -> str:
    """The same in one line, with this package's version."""
    known = fingerprint()
    return f"samplemind {__version__}, Python {known['python']}, {known['processors']} x {known['processor']}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
