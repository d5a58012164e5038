"""A `docker` that never answers: every command gives up, says why, and leaves no process."""

import subprocess

import pytest

from samplemind_cli import cli
from samplemind_cli.stack import docker, engine

pytestmark = pytest.mark.integration

COMMANDS = [
    ["up"],
    ["down"],
    ["down", "--volumes", "--yes"],
    ["build"],
    ["rebuild"],
    ["start"],
    ["stop"],
    ["restart"],
    ["exec", "web", "true"],
    ["open", "web"],
    ["watch"],
]
WITHOUT_THE_DAEMON = [["ps"], ["ps", "--watch"], ["ps", "--json"], ["logs"], ["logs", "-f"]]  # asks Compose first


@pytest.fixture
def _silence(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    (tmp_path / "compose.yaml").write_text("services: {web: {image: x, build: .}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    for module in (docker, engine):
        monkeypatch.setattr(module, "ANSWER", 0.3)


@pytest.mark.usefixtures("_silence")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_is_not_waited_for(command, capfd, tmp_path):
    assert cli.run(command) == 3
    assert "error: the Docker daemon does not answer" in capfd.readouterr().err
    assert left(tmp_path) == b""


def left(folder):
    """Processes of the `docker` there."""
    return subprocess.run(["pgrep", "-f", str(folder / "docker")], capture_output=True, check=False).stdout


@pytest.mark.usefixtures("_silence")
@pytest.mark.parametrize("command", WITHOUT_THE_DAEMON, ids=" ".join)
def test_what_asks_compose_first_waits_no_longer(command, capfd, tmp_path):
    assert cli.run(command) == 3
    assert "error: Docker did not answer within 0.3 s" in capfd.readouterr().err
    assert left(tmp_path) == b""


@pytest.mark.usefixtures("_silence")
def test_a_shell_s_start_goes_on_without_the_stack_s_addresses(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(docker, "PATIENCE", 0.3)
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")  # then nothing asks which engine it is
    assert cli.run(["env"]) == 0
    told = capfd.readouterr()
    assert "no addresses of the stack: Docker did not answer within 0.3 s" in told.err
    assert "export DOCKER_BUILDKIT=1" in told.out
    assert left(tmp_path) == b""
