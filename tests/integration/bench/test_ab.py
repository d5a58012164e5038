"""`bench ab` on small repositories, with commands whose cost is known."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import pytest
from parts.waiting import runs, until

from samplemind_cli import cli

FAST, SLOW = ":\n", "sleep 0.02\n"  # waiting costs nothing, and is as long on a busy machine

# A build backend without requirements: what it builds can be installed without a network (PEP 517).
BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "shop-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for file in ("shop/__init__.py", "shop/__main__.py"):
            wheel.write(file)
        needs = "Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\nRequires-Dist: typer\\n"
        wheel.writestr("shop-1.dist-info/METADATA", needs)
        wheel.writestr("shop-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("shop-1.dist-info/RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "shop"
version = "1"
"""
SHOP = """
import os, shop, sys, typer
with open(os.environ["BENCH_LOG"], "a") as log:
    print(shop.VERSION, sys.prefix, file=log)
"""


# What it needs: a package of a name that is installed here as well, and is then not what the version gets.
NEEDED = {
    "typer/__init__.py": "",
    "typer-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: typer\nVersion: 1\n",
    "typer-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "typer-1.dist-info/RECORD": "",
}


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def commit(folder, tag, files):
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "-m", tag)
    git(folder, "tag", tag)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(folder, "init", "--quiet")
    return folder


@pytest.fixture
def run(capfd):
    """Run `bench ab`: code, the document of --json, stderr."""

    def run(*argv, command=("sh", "work.sh"), seconds=20):
        code = cli.run(["bench", "ab", *argv, "--json", "--seconds", str(seconds), "--", *command])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out else None, err

    return run


@pytest.mark.integration
def test_a_slower_version_fails_a_faster_one_passes_and_nothing_is_left_behind(repository, run):
    commit(repository, "fast", {"work.sh": FAST})
    commit(repository, "slow", {"work.sh": SLOW})
    slower, faster = run("fast", "slow"), run("slow", "fast")

    assert (slower[0], slower[1]["verdict"]) == (1, "worse")
    assert (faster[0], faster[1]["verdict"]) == (0, "better")
    assert slower[1]["low"] > 1.5
    assert len(slower[1]["pairs"]) == 40
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.integration
def test_the_working_tree_is_judged_with_what_is_not_committed(repository, run):
    commit(repository, "base", {"work.sh": FAST})
    (repository / "work.sh").write_text(". ./slowly.sh\n")
    (repository / "slowly.sh").write_text(SLOW)

    code, found, _ = run("base")

    assert (code, found["verdict"], found["candidate"]["name"]) == (1, "worse", "the working tree")


@pytest.mark.integration
def test_a_command_that_fails_in_a_version_is_told_with_its_words(repository, run):
    commit(repository, "base", {"work.sh": "echo out of milk >&2; exit 3"})

    code, found, err = run("base")

    assert (code, found) == (1, None)
    assert "error: in base, `" in err
    assert "ended with 3: out of milk" in err
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.integration
def test_each_version_of_a_package_runs_in_an_environment_of_its_own(repository, run, monkeypatch, tmp_path):
    with zipfile.ZipFile(tmp_path / "typer-1-py3-none-any.whl", "w") as wheel:
        for name, text in NEEDED.items():
            wheel.writestr(name, text)
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(tmp_path))
    files = {"pyproject.toml": PYPROJECT, "backend.py": BACKEND, "shop/__main__.py": SHOP}
    commit(repository, "old", {**files, "shop/__init__.py": "VERSION = 'old'"})
    commit(repository, "new", {"shop/__init__.py": "VERSION = 'new'"})
    monkeypatch.setenv("BENCH_LOG", str(tmp_path / "log"))

    found = run("old", "new", command=(), seconds=0)[1]

    ran = {tuple(line.split()) for line in (tmp_path / "log").read_text().splitlines()}
    assert {version for version, _ in ran} == {"old", "new"}
    assert len(ran) == 2
    assert all("samplemind-ab-" in prefix for _, prefix in ran)
    assert found["high"] < float("inf")  # there is no such number in JSON


@pytest.mark.integration
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
@pytest.mark.parametrize("moment", ["setup", "command"])
def test_a_signal_leaves_no_tree_no_environment_and_no_process(repository, tmp_path, moment, number, code):
    commit(repository, "base", {"kept": ""})
    (tmp_path / "temporary").mkdir()
    fifo = tmp_path / "begun"
    os.mkfifo(fifo)
    busy = f"echo $$ > {fifo}; exec sleep 600"
    setup, work = (f"sh -c '{busy}'; true", "true") if moment == "setup" else ("true", busy)
    command = [sys.executable, "-m", "samplemind_cli", "bench", "ab", "base", "--setup", setup, "--", "sh", "-c", work]
    env = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as bench:
        sleeper = int(fifo.read_text())
        bench.send_signal(number)
        said = bench.communicate(timeout=30)[1]

    assert bench.returncode == code
    assert "Traceback" not in said
    assert list((tmp_path / "temporary").iterdir()) == []
    assert git(repository, "worktree", "list").count("\n") == 1
    until(lambda: not runs(sleeper))
