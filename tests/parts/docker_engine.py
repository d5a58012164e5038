"""The Docker engine, where there is one."""

import shutil
import subprocess
from functools import cache


def compose_absence():
    """Why Compose can read no files; empty when it can. No engine is needed."""
    if shutil.which("docker") is None:
        return "there is no Docker client"
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        return "Docker's Compose plugin is not installed"
    return ""


@cache
def absence():
    """Why nothing can be tested on it; empty when it answers."""
    if shutil.which("docker") is None:
        return "there is no Docker client"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer"
    return ""
