"""What the numbers were measured on; two runs are comparable when it is the same."""

import platform
from pathlib import Path

from samplemind_cli import __version__, files, processors


def fingerprint() -> dict[str, str | int]:
    """Processor, how many of them may be used, system and Python."""
    return {
        "processor": _processor(),
        "processors": processors.usable(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def described() -> str:
    """The same in one line, with this package's version."""
    known = fingerprint()
    return f"samplemind {__version__}, Python {known['python']}, {known['processors']} x {known['processor']}"


def _processor() -> str:
    lines = files.text(Path("/proc/cpuinfo")).splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
