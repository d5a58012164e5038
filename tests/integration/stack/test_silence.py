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
    left = subprocess.run(["pgrep", "-f", str(tmp_path / "docker")], capture_output=True, check=False).stdout
    assert left == b""
