"""`samplemind doctor` and `samplemind env` as they are typed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLEMIND = Path(sys.executable).with_name("samplemind")
NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("docker") is None, reason="there is no Docker client"),
]


def test_an_engine_that_is_away_fails_with_the_command(tmp_path):
    done = subprocess.run(
        [SAMPLEMIND, "doctor"],
        cwd=tmp_path,
        env={**os.environ, **NOWHERE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "fail  docker-daemon: the Docker daemon does not answer\n      check DOCKER_HOST" in done.stdout


def test_env_is_for_eval():
    script = f'eval "$({SAMPLEMIND} env --shell bash)"; echo "$OMP_NUM_THREADS $REDIS_URL"'
    said = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "REDIS_PORT": "7001"}, capture_output=True, text=True, check=True
    )
    threads, url = said.stdout.split()
    assert 1 <= int(threads) <= len(os.sched_getaffinity(0))
    assert url == "redis://127.0.0.1:7001"
