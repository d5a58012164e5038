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
COMMAND = Path(sys.executable).with_name("samplemind")
BASE = "python:3.13-slim"

pytestmark = pytest.mark.e2e


@pytest.fixture
def shop(project, tmp_path):
    """A stack whose `web` is built from a small Dockerfile of two steps; its image goes with it."""
    image = f"smtest-{secrets.token_hex(6)}"
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo {image} >/salt\nCOPY note /note\n")
    (tmp_path / "note").write_text("one")
    service = {"image": image, "command": ["sleep", "600"], "init": True}
    yield project({"web": {**service, "build": "."}, "worker": service, "redis": project.redis()})
    subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


def told(stack, *words, **variables):
    return json.loads(stack.run(*words, "--json", env={**stack.env, **variables}).out)


def test_a_second_build_comes_from_the_cache_and_is_compared_with_the_first(shop):
    first, second = (told(shop, "build") for _ in range(2))
    assert (first["steps"], first["cached"], first["seconds_before"]) == (2, 0, None)
    assert (second["steps"], second["cached"]) == (2, 2)
    assert second["seconds_before"] == pytest.approx(first["seconds"], abs=0.01)
    assert second["images"][0]["size"] == first["images"][0]["size"] > 0


def test_from_scratch_means_without_any_cache(shop):
    shop.run("build")
    assert told(shop, "build", "--no-cache")["cached"] == 0


def test_data_goes_to_stdout_and_steps_to_stderr(shop):
    done = shop.run("build", "web")
    assert "0 of 2 steps from the cache, 0%" in done.out
    assert "COPY note /note" in done.err
    assert "COPY" not in done.out


def test_a_failing_step_shows_its_own_words(shop, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo first; echo the reason >&2; exit 3\n")
    done = shop.run("build", code=3)
    assert "a build step failed: RUN echo first" in done.err
    assert "\nthe reason\n" in done.err
    assert "Traceback" not in done.err


def test_a_layer_cache_outlives_the_engines(shop, tmp_path):
    kept = tmp_path / "kept"
    shop.run("build", "--cache-dir", str(kept))
    assert [file.name for file in kept.glob("*/index.json")] == ["index.json"]
    shop.run("build", "--cache-dir", str(kept))


def test_in_ci_the_layer_cache_is_kept_unasked(shop, tmp_path):
    told(shop, "build", CI="true", XDG_CACHE_HOME=str(tmp_path))
    assert list(tmp_path.glob("samplemind/build/*/index.json"))


def test_rebuild_recreates_what_changed_and_nothing_else(shop, tmp_path):
    shop.run("build")
    shop.compose("up", "--detach", "--no-build")
    assert told(shop, "rebuild")["recreated"] == []
    (tmp_path / "note").write_text("two")
    rebuilt = told(shop, "rebuild")
    assert rebuilt["recreated"] == ["web", "worker"]  # the worker runs the image that web builds
    assert (rebuilt["steps"], rebuilt["cached"]) == (2, 1)


def shop_of(project, tmp_path, **commands):
    """A stack whose services all run the image that the first of them builds."""
    image = f"smtest-{secrets.token_hex(6)}"
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo {image} >/salt\nCOPY note /note\n")
    (tmp_path / "note").write_text("one")
    services = {name: {"image": image, "init": True, "command": ["python", "-uc", c]} for name, c in commands.items()}
    services[next(iter(services))]["build"] = "."
    return project(services), image


SLEEP = "import time; time.sleep(600)"


@pytest.mark.parametrize("names", [{}, {"COMPOSE_COMPATIBILITY": "1"}])
def test_a_job_that_has_done_its_work_is_no_failure_of_rebuild(project, tmp_path, names):
    stack, image = shop_of(project, tmp_path, web=SLEEP, job="print('migrated')")
    stack.env = {**stack.env, **names}
    try:
        stack.run("up")
        (tmp_path / "note").write_text("two")
        rebuilt = told(stack, "rebuild")
        assert rebuilt["recreated"] == ["job", "web"]
        assert rebuilt["error"] is None
    finally:
        stack.compose("down", "--timeout", "1")
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


def test_a_service_that_crashes_after_a_rebuild_shows_its_log_and_the_object_is_printed(project, tmp_path):
    code = "import time; print('note is', open('/note').read()); open('/note').read() == 'one' and time.sleep(600); 1/0"
    stack, image = shop_of(project, tmp_path, web=code, worker=SLEEP)
    try:
        stack.run("up")
        (tmp_path / "note").write_text("two")
        failed = stack.run("rebuild", "--json", code=3)
        assert "web ended with exit code 1\n  log | note is two\n" in failed.err
        assert "ZeroDivisionError" in failed.err
        rebuilt = json.loads(failed.out)
        assert rebuilt["recreated"] == ["web", "worker"]
        assert rebuilt["error"]["message"].startswith("web ended with exit code 1")
        assert stack.ps()["worker"]["state"] == "running"
    finally:
        stack.compose("down", "--timeout", "1")
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


@pytest.mark.parametrize("command", ["build", "rebuild"])
def test_the_object_of_a_build_that_fails_is_printed_too(shop, tmp_path, command):
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo the reason >&2; exit 3\n")
    found = json.loads(shop.run(command, "--json", code=3).out)
    assert found["images"] == []
    assert "the reason" in found["error"]["message"]
    gone = json.loads(shop.run(command, "--json", code=3, env={**shop.env, "DOCKER_HOST": "unix:///no.sock"}).out)
    assert "the Docker daemon does not answer" in gone["error"]["message"]


def test_rebuild_starts_nothing_that_does_not_run(shop):
    shop.run("rebuild")
    assert shop.ids() == set()


def test_ctrl_c_ends_the_build_and_its_processes(shop, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN true {secrets.token_hex(8)}\nRUN sleep 120\n")
    running = shop.start("build")
    assert running.stderr.readline().startswith("stack: ")
    assert "RUN true" in running.stderr.readline()  # the next step is the one that sleeps
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=15)
    assert running.returncode == 130
    assert shop.processes() == []


def test_a_source_only_change_of_our_image_reruns_one_step_of_ten_and_it_stays_small(tmp_path):
    """The image that `serve` runs in: at most 75 MB over the base."""
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
            [COMMAND, "build", "--json"], cwd=source, env=environment, capture_output=True, check=False
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
    assert again["cached"] / again["steps"] >= 0.9
    assert again["images"][0]["base"] == BASE
    assert again["images"][0]["added"] <= 75_000_000
