"""Other people's command lines, as npm installs them; never with the user's own settings."""

import os
import shutil
from pathlib import Path

import pytest

# A folder where npm has installed them: scripts/real_parts makes one.
FOLDER = os.environ.get("SAMPLEMIND_TEST_TOOLS", "")


def path_with(tool):
    """The PATH on which a tool is found; skips where there is none."""
    path = f"{Path(FOLDER, 'node_modules', '.bin')}:{os.environ['PATH']}" if FOLDER else os.environ["PATH"]
    if not shutil.which(tool, path=path):
        pytest.skip(f"no `{tool}` in PATH, and SAMPLEMIND_TEST_TOOLS names no folder with it")
    return path
