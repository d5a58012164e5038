"""A folder that somebody else filled: its modules are called like ours, and like what ours import."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
COMMAND = Path(sys.executable).with_name("samplemind")
NAMES = ("samplemind_cli", "typer", "memray", "pyinstrument", "json", "asyncio", "rich", "venv", "pip", "sitecustomize")


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """The folder, and a way to ask which of its modules have run."""
    marks = tmp_path / "marks"
    marks.mkdir()
    folder = tmp_path / "clone"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        code = f"import os\nos.close(os.open({str(marks / name)!r}, os.O_CREAT))\n"
        (folder / name / "__init__.py").write_text(code)
        (folder / name / "__main__.py").write_text(code)
    monkeypatch.chdir(folder)
    return lambda: sorted(path.name for path in marks.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("doctor",),
        ("profile", "--cpu", "stats"),
        ("profile", "--memory", "stats"),
        ("profile", "--both", "--engine", "pyinstrument", "stats"),
        ("bench", "history"),
    ],
)
def test_no_module_of_the_folder_runs(planted, words):
    done = subprocess.run(
        [COMMAND, *words], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )

    assert planted() == [], done.stderr
    assert "Traceback" not in done.stderr


def test_looking_at_a_process_runs_no_module_of_the_folder(planted):
    with subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(60)"]) as other:
        words = ("profile", "attach", str(other.pid), "--memory", "--seconds", "1")
        done = subprocess.run([COMMAND, *words], check=False, capture_output=True, text=True, timeout=120)
        other.kill()

    assert planted() == [], done.stderr


def test_the_config_of_an_unpacked_repository_runs_nothing(tmp_path, monkeypatch):
    for words in (("init",), ("config", "core.fsmonitor", f"touch {tmp_path / 'mark'};"), ("commit", "--allow-empty")):
        named = ("-c", "user.name=t", "-c", "user.email=t", "-c", "core.fsmonitor=false")
        message = ("-m", "x") if words[0] == "commit" else ()
        git = ["git", *(named if words[0] == "commit" else ()), *words, *message]
        subprocess.run(git, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)

    subprocess.run([COMMAND, "bench", "history"], check=False, capture_output=True, timeout=120)

    assert not (tmp_path / "mark").exists()
    subprocess.run(["git", "status"], check=True, capture_output=True, timeout=120)
    assert (tmp_path / "mark").exists()
