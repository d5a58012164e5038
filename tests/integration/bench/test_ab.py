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
from samplemind_cli.bench.git import project
from samplemind_cli.bench.last_results import LastResults
from samplemind_cli.settings import Settings

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
    kept = LastResults(Settings.load().state_dir).comparisons(project(repository))
    assert kept == [faster[1], slower[1]]  # the newest first
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


@pytest.mark.integration
def test_in_a_subfolder_that_folder_is_measured(repository, run, monkeypatch):
    commit(repository, "base", {"work.sh": "exit 9\n", "part/work.sh": FAST, "part/mine.txt": "1"})
    monkeypatch.chdir(repository / "part")

    code, found, _ = run("base", "base", command=("sh", "-c", "test -f mine.txt && sh work.sh"), seconds=0)

    assert found["pairs"]
    assert code in (0, 2)


@pytest.mark.integration
def test_a_project_in_a_subfolder_is_the_one_that_is_installed_and_started(repository, run, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_LOG", str(tmp_path / "log"))
    shop = "import os, sys\nprint(sys.prefix, os.getcwd(), file=open(os.environ['BENCH_LOG'], 'a'))\n"
    backend = BACKEND.replace("Requires-Dist: typer\\n", "")
    files = {"pyproject.toml": PYPROJECT, "backend.py": backend, "shop/__init__.py": "", "shop/__main__.py": shop}
    (repository / "services").mkdir()
    (repository / "services" / "shop").mkdir()
    commit(repository, "base", {"pyproject.toml": "broken", **{f"services/shop/{at}": of for at, of in files.items()}})
    monkeypatch.chdir(repository / "services" / "shop" / "shop")

    run("base", "base", command=(), seconds=0)

    ran = {tuple(line.split()) for line in (tmp_path / "log").read_text().splitlines()}
    assert len(ran) == 2
    assert all(prefix.endswith("env") and folder.endswith("services/shop") for prefix, folder in ran)


@pytest.mark.integration
def test_a_folder_that_one_version_lacks_is_named(repository, run, monkeypatch):
    commit(repository, "old", {"work.sh": FAST})
    commit(repository, "new", {"part/work.sh": FAST})
    monkeypatch.chdir(repository / "part")

    code, found, err = run("old", "new")

    assert (code, found) == (2, None)
    assert "there is no folder part/ in old" in err


@pytest.fixture
def with_submodule(repository, tmp_path):
    """A repository with the submodule `lib` at two commits, and in it a submodule of its own; tags old and new."""
    inner, lib = tmp_path / "inner", tmp_path / "lib"
    for folder in (inner, lib):
        folder.mkdir()
        git(folder, "init", "--quiet")
    local = ("-c", "protocol.file.allow=always")
    commit(inner, "first", {"deep.txt": "deep"})
    git(lib, *local, "submodule", "--quiet", "add", str(inner), "in side")
    commit(lib, "first", {"lib.sh": FAST})
    git(repository, *local, "submodule", "--quiet", "add", str(lib), "vendor/lib")
    git(repository, *local, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(repository, "old", {"work.sh": "set -e; cat 'vendor/lib/in side/deep.txt'; . vendor/lib/lib.sh\n"})
    commit(lib, "second", {"lib.sh": SLOW})
    git(repository / "vendor" / "lib", "pull", "--quiet")
    commit(repository, "new", {})
    return repository


@pytest.mark.integration
def test_submodules_are_in_both_trees_each_at_its_own_commit_and_gone_afterwards(with_submodule, run):
    code, found, err = run("old", "new")

    assert (code, found["verdict"]) == (1, "worse"), err
    for folder in (with_submodule, with_submodule / "vendor" / "lib", with_submodule / "vendor" / "lib" / "in side"):
        assert git(folder, "worktree", "list").count("\n") == 1


@pytest.mark.integration
def test_what_is_not_committed_in_a_submodule_is_measured_in_the_working_tree(with_submodule, run):
    (with_submodule / "vendor" / "lib" / "lib.sh").write_text(FAST)

    code, found, err = run("new")

    assert (code, found["verdict"]) == (0, "better"), err
    assert git(with_submodule / "vendor" / "lib", "status", "--porcelain") == " M lib.sh\n"


@pytest.mark.integration
def test_a_submodule_that_is_no_longer_checked_out_comes_from_where_git_keeps_it(with_submodule, run):
    git(with_submodule, "rm", "--quiet", "-r", "vendor/lib")
    commit(with_submodule, "gone", {})

    code, found, err = run("old", "new")

    assert (code, found["verdict"]) == (1, "worse"), err


@pytest.mark.integration
def test_a_submodule_that_was_never_fetched_is_told_and_one_whose_commit_is_missing_is_an_error(
    with_submodule, run, tmp_path, monkeypatch
):
    git(tmp_path, "clone", "--quiet", "--tags", str(with_submodule), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    _, found, err = run("old", "new", command=("test", "-d", "vendor/lib"), seconds=0)
    assert found["pairs"]
    assert "old: the submodule vendor/lib is not checked out here and stays empty: git submodule update --init" in err

    (tmp_path / "clone" / "vendor" / "lib").rmdir()
    git(tmp_path, "clone", "--quiet", "--depth", "1", (tmp_path / "lib").as_uri(), "clone/vendor/lib")
    code, found, err = run("old", "new")
    assert (code, found) == (1, None)
    assert "old has the submodule vendor/lib at " in err
    assert "hint: git -C vendor/lib fetch" in err


@pytest.mark.integration
@pytest.mark.parametrize("command", [(), ("no-such-program",)])
def test_what_cannot_run_is_told_before_both_versions_are_installed(repository, run, command):
    commit(repository, "base", {"pyproject.toml": PYPROJECT, "backend.py": BACKEND})

    code, found, err = run("base", "base", *(("--setup", "true") if command else ()), command=command)

    assert (code, found) == (2, None)
    assert err.count("installing") == 0
    assert err.count("base: true") == len(command)
    assert ("there is no command to run" in err) is not bool(command)
