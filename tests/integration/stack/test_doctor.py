"""What `samplemind doctor` finds and `samplemind env` says, whatever there is of Docker."""

import json
import os
import shutil
import socket

import pytest
from parts import warm

from samplemind_cli import cli
from samplemind_cli.stack import engine, facts

pytestmark = pytest.mark.integration
needs_docker = pytest.mark.skipif(shutil.which("docker") is None, reason="there is no Docker client")


@pytest.fixture
def run(tmp_path):
    def run(*words, **variables):
        return warm.run(warm.samplemind, *words, cwd=tmp_path, env={**os.environ, **variables})

    return run


def verdicts(printed):
    return {check["id"]: check["verdict"] for check in json.loads(printed)["checks"]}


@needs_docker
def test_an_engine_that_says_nothing_is_a_finding_like_any_other(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(facts, "Engine", lambda _: engine.Engine(0.2))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "docker.sock"))
        silent.listen()
        cli.run(["doctor", "--json"])
    found = verdicts(capfd.readouterr().out)
    assert (found["docker-client"], found["docker-daemon"], found["compose-file"]) == ("ok", "fail", "ok")


def test_without_a_client_the_rest_is_still_judged(run, tmp_path):
    done = run("doctor", "--json", PATH=str(tmp_path))
    found = verdicts(done.stdout)
    assert done.returncode == 1
    assert found["docker-client"] == "fail"
    assert found["docker-daemon"] == found["compose-version"] == "skip"
    assert found["folders"] == "ok"


@needs_docker
def test_a_missing_compose_plugin_is_told(run, tmp_path):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "docker: unknown command: docker $1" >&2\nexit 1\n')
    docker.chmod(0o755)
    found = json.loads(run("doctor", "--json", PATH=f"{tmp_path}:{os.environ['PATH']}").stdout)["checks"]
    reasons = {check["id"]: check["reason"] for check in found}
    assert reasons["compose-version"] == "Docker's Compose plugin is not installed"
    assert reasons["buildx-version"] == "Docker's Buildx plugin is not installed"


def test_a_broken_setting_is_a_finding_and_keys_are_never_shown(run):
    done = run("doctor", "--json", SAMPLEMIND_OPENAI_RPM="many", ANTHROPIC_API_KEY="sk-ant-secret")
    assert verdicts(done.stdout)["settings"] == "fail"
    assert "sk-ant-secret" not in done.stdout + done.stderr


def test_fix_removes_a_broken_record_and_says_so(run, tmp_path):
    record = tmp_path / "samplemind" / "stack.json"
    record.parent.mkdir()
    record.write_text("{")
    nobody = f"unix://{tmp_path}/docker.sock"  # on a full disk it would also clear up in the developer's engine
    done = run("doctor", "--fix", "--json", XDG_STATE_HOME=str(tmp_path), DOCKER_HOST=nobody)
    assert not record.exists()
    assert f"fixed: removed {record}" in done.stderr
    assert verdicts(done.stdout)["record"] == "ok"


def test_env_goes_on_without_docker(run, tmp_path):
    done = run("env", "--shell", "fish", PATH=str(tmp_path))
    assert done.returncode == 0
    assert "set -gx DOCKER_BUILDKIT '1'\n" in done.stdout
    assert "no addresses of the stack" in done.stderr
