"""`samplemind build` and `rebuild` on a real engine."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAMPLEMIND = Path(sys.executable).with_name("samplemind")
BASE = "python:3.13-slim"


def _engine_answers():
    return (
        shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )


pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not _engine_answers(), reason="no Docker engine answers")]

COMPOSE = """\
name: {name}
services:
  web:
    image: {name}-web
    build: .
    init: true
    command: [sleep, "600"]
  other:
    image: {name}-web
    command: [sleep, "600"]
    init: true
"""
DOCKERFILE = f"""\
FROM {BASE}
RUN echo {{salt}} >/salt
COPY note /note
"""


@pytest.fixture
def project(tmp_path):
    """A project with a small image of its own, gone afterwards."""
    name = f"smtest{secrets.token_hex(4)}"
    folder = tmp_path / "shop" / "compose"
    folder.mkdir(parents=True)
    (folder / "compose.yaml").write_text(COMPOSE.format(name=name))
    (folder / "Dockerfile").write_text(DOCKERFILE.format(salt=name))
    (folder / "note").write_text("one")
    yield folder
    down = ["docker", "compose", "-f", str(folder / "compose.yaml"), "down", "--timeout", "0", "--rmi", "all"]
    subprocess.run(down, capture_output=True, check=False)


@pytest.fixture
def run(project):
    def run(*words, code=0, **variables):
        environment = {**os.environ, **variables}
        done = subprocess.run(
            [SAMPLEMIND, *words], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done

    return run


def up(project):
    command = ["docker", "compose", "-f", str(project / "compose.yaml"), "up", "--detach", "--no-build"]
    subprocess.run(command, capture_output=True, check=True)


def test_a_second_build_comes_from_the_cache_and_is_compared_with_the_first(run):
    first, second = (json.loads(run("build", "--json").stdout) for _ in range(2))
    assert (first["steps"], first["cached"], first["seconds_before"]) == (2, 0, None)
    assert (second["steps"], second["cached"]) == (2, 2)
    assert second["seconds_before"] == pytest.approx(first["seconds"], abs=0.01)
    assert second["images"][0]["size"] == first["images"][0]["size"] > 0


def test_from_scratch_means_without_any_cache(run):
    run("build")
    assert json.loads(run("build", "--no-cache", "--json").stdout)["cached"] == 0


def test_data_goes_to_stdout_and_steps_to_stderr(run):
    done = run("build", "web")
    assert "0 of 2 steps from the cache, 0%" in done.stdout
    assert "COPY note /note" in done.stderr
    assert "COPY" not in done.stdout


def test_a_failing_step_shows_its_own_words(run, project):
    (project / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo first; echo the reason >&2; exit 3\n")
    done = run("build", code=3)
    assert "a build step failed: RUN echo first" in done.stderr
    assert "\nthe reason\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_layer_cache_outlives_the_engines(run, project, tmp_path):
    kept = tmp_path / "kept"
    run("build", "--cache-dir", str(kept))
    assert [folder.name for folder in kept.iterdir()] == [f"{project_name(project)}-web"]
    assert (next(kept.iterdir()) / "index.json").is_file()
    run("build", "--cache-dir", str(kept))


def test_in_ci_the_layer_cache_is_kept_unasked(run, tmp_path):
    run("build", CI="true", XDG_CACHE_HOME=str(tmp_path))
    assert list(tmp_path.glob("samplemind/build/*/index.json"))


def test_rebuild_recreates_what_changed_and_nothing_else(run, project):
    run("build")
    up(project)
    assert json.loads(run("rebuild", "--json").stdout)["recreated"] == []
    (project / "note").write_text("two")
    rebuilt = json.loads(run("rebuild", "--json").stdout)
    assert rebuilt["recreated"] == ["web"]
    assert (rebuilt["steps"], rebuilt["cached"]) == (2, 1)


def test_rebuild_starts_nothing_that_does_not_run(run, project):
    run("rebuild")
    listed = ["docker", "compose", "-f", str(project / "compose.yaml"), "ps", "--all", "--quiet"]
    assert subprocess.run(listed, capture_output=True, check=True).stdout == b""


def test_ctrl_c_ends_the_build_and_its_processes(project):
    (project / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo started; sleep 120\n")
    command = [SAMPLEMIND, "build"]
    (project / "Dockerfile").write_text(f"FROM {BASE}\nRUN true {secrets.token_hex(8)}\nRUN sleep 120\n")
    running = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "RUN true" in running.stderr.readline()  # the next step is the one that sleeps
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=15)
    assert running.returncode == 130
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(project).encode() in _read(p)]
    assert left == []


def test_a_source_only_change_of_our_image_is_quick_and_small(tmp_path):
    """The image that `serve` runs in: one step of ten again, less than 5 s, at most 40 MB over the base."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "samplemind_cli", source / "samplemind_cli", ignore=ignored)
    shutil.copytree(ROOT / "compose", source / "compose")
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    image = f"smtest-api-{secrets.token_hex(4)}"

    def build():
        environment = {**os.environ, "API_IMAGE": image}
        done = subprocess.run(
            [SAMPLEMIND, "build", "--json"], cwd=source, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    try:
        build()
        (source / "samplemind_cli" / "new.py").write_text("NEW = 1\n")
        again = build()
        started = subprocess.run(
            ["docker", "run", "--rm", "--read-only", image, "--version"], capture_output=True, check=False
        )
    finally:
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)
    assert started.stdout.startswith(b"samplemind ")
    assert again["seconds"] < 5
    assert again["cached"] / again["steps"] >= 0.9
    assert again["images"][0]["base"] == BASE
    assert again["images"][0]["added"] <= 40_000_000


def project_name(project):
    return (project / "compose.yaml").read_text().split()[1]


def _read(file):
    try:
        return file.read_bytes()
    except OSError:
        return b""
