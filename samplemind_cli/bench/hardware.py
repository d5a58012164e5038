"""Describes the machine; results are comparable only on the same one."""

import platform
from pathlib import Path

from samplemind_cli import __version__, files, processors


def fingerprint() -> dict[str, str | int]:
    """The processor, the number that may be used, system and Python."""
    return {
        "processor": _processor(),
        "processors": processors.usable(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def summary() -> str:
    """The same in one line, with this package's version."""
    facts = fingerprint()
    return f"samplemind {__version__}, Python {facts['python']}, {facts['processors']} x {facts['processor']}"


def _processor() -> str:
    lines = files.text(Path("/proc/cpuinfo")).splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
