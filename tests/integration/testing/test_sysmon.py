"""`test --changed` with CPython 3.13, whose calls are told by sys.monitoring, beside coverage that uses it too."""

import os
import re
import subprocess
import sys

import pytest

# A virtual environment of CPython 3.13 with the packages of `test --changed`; CONTRIBUTING.md tells how to make it.
PYTHON313 = os.environ.get("SAMPLEMIND_TEST_VENV313")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not PYTHON313, reason="SAMPLEMIND_TEST_VENV313 names no environment of CPython 3.13"),
]
TESTS = 12
FILES = {
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "shop.py": "def price():\n    return 10\n",
    "test_shop.py": "from shop import price\n"
    + "".join(f"def test_{n}():\n    assert price() == 10\n" for n in range(TESTS)),
}


@pytest.fixture
def failing(tmp_path):
    """How many tests a command says fail, after the function that all of them call was changed."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv").symlink_to(PYTHON313)
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


@pytest.mark.parametrize("how", ["--serial", "-n2"])
def test_changed_is_not(failing, how):
    assert failing(sys.executable, "-m", "samplemind_cli", "test", "--changed", how) == TESTS
