"""The tracer of newer Pythons (sysmon) makes testmon call stale tests green; `test --changed` is not fooled by it."""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
TESTS = 12
FILES = {
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "shop.py": "def price():\n    return 10\n",
    "test_shop.py": "from shop import price\n"
    + "".join(f"def test_{n}():\n    assert price() == 10\n" for n in range(TESTS)),
}


@pytest.fixture(scope="module")
def environment():
    """A virtual environment of CPython 3.13, made once per machine."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "samplemind-tests", "python3.13")
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as beside:
            made = make(Path(beside, "made"))
            with suppress(OSError):  # somebody else was the first
                made.rename(place)
    return place


def make(folder):
    env = {**os.environ, "PYENV_VERSION": "3.13"}  # for pyenv's `python3.13`, which is none by itself
    venv = ["python3.13", "-m", "venv", "--without-pip", folder]
    try:
        subprocess.run(venv, env=env, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no CPython 3.13 on this machine")
    packages = ["pytest", "pytest-testmon>=2.2,<3", "pytest-cov", "pytest-xdist"]
    pip = [sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", *packages]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip("there is no way to a package index")
    return folder


@pytest.fixture
def failing(environment, tmp_path):
    """How many tests a command says fail, after the function that all of them call was changed."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv").symlink_to(environment)
    clean = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}

    def failing(*command):
        for _ in range(2):
            done = subprocess.run(
                command, cwd=tmp_path, env={**clean, "COVERAGE_CORE": "sysmon"}, capture_output=True, text=True,
                check=False, timeout=120,
            )  # fmt: skip
            # Of another size: Python takes a file of the same size and second for the one it has compiled.
            (tmp_path / "shop.py").write_text(FILES["shop.py"].replace("10", "100"))
        return int(re.search(r"(\d+) failed", done.stdout)[1])

    return failing


def test_plain_testmon_is_fooled(failing):
    assert failing(".venv/bin/python", "-m", "pytest", "--testmon") < TESTS


@pytest.mark.parametrize("how", ["--serial", "-n2"])
def test_changed_is_not(failing, how):
    assert failing(sys.executable, "-m", "samplemind_cli", "test", "--changed", how) == TESTS
