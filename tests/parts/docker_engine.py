"""The Docker engine, where there is one."""

import shutil
import subprocess
from functools import cache


@cache
def absence():
    """Why nothing can be tested on it; empty when it answers."""
    if shutil.which("docker") is None:
        return "there is no Docker client"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer"
    return ""
