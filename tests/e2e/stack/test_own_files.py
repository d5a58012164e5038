"""A project with compose files of its own, as Compose itself would find them."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

COMMAND = str(Path(sys.executable).with_name("samplemind"))
SLEEP = {"image": "python:3.13-slim", "init": True, "command": ["sleep", "1000"], "stop_grace_period": "1s"}


class Folder:
    """A project's folder, in which commands run; its name is the project's."""

    def __init__(self, root):
        self.path = root / f"smt-{uuid.uuid4().hex[:12]}"
        self.path.mkdir()
        self.name = self.path.name

    def write(self, services, name="compose.yaml", **more):
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"services": services, **more}))

    def run(self, *words, code=0, cwd=None, **variables):
        options = {"cwd": cwd or self.path, "env": {**os.environ, **variables}, "stdin": subprocess.DEVNULL}
        ended = subprocess.run([COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, **options)
        assert ended.returncode == code, (ended.returncode, ended.stdout, ended.stderr)
        return ended

    def left(self):
        """Names of the project's containers and networks."""
        label = ["--filter", f"label=com.docker.compose.project={self.name}"]
        asked = (["ps", "--all", "--format", "{{.Names}}"], ["network", "ls", "--format", "{{.Name}}"])
        return [line for words in asked for line in docker(*words, *label).split()]


def docker(*words, cwd=None):
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, cwd=cwd).stdout


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    yield folder
    everything = ("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "1")
    docker("compose", "--project-name", folder.name, *everything, cwd=folder.path)


def test_the_root_s_own_file_and_override_are_started_and_named_first(folder):
    folder.write({"web": SLEEP}, "docker-compose.yml")
    folder.write({"web": {"environment": {"WHO": "override"}}}, "docker-compose.override.yml")
    folder.write({"other": SLEEP}, "compose/compose.yaml")
    told = folder.run("up")
    first = told.stderr.splitlines()[0]
    assert first == f"stack: docker-compose.yml, docker-compose.override.yml (project {folder.name})"
    assert folder.run("exec", "web", "printenv", "WHO").stdout == "override\n"
    below = folder.path / "src"
    below.mkdir()
    assert [s["service"] for s in json.loads(folder.run("ps", "--json", cwd=below).stdout)["services"]] == ["web"]


def test_the_env_file_chooses_files_profiles_and_values_as_in_compose(folder):
    folder.write({"web": {**SLEEP, "environment": {"X": "${X}"}}, "tool": {**SLEEP, "profiles": ["p"]}}, "a.yaml")
    folder.write({"web": {"environment": {"Y": "2"}}}, "b.yaml")
    folder.write({"never": SLEEP})
    (folder.path / ".env").write_text("COMPOSE_FILE=a.yaml,b.yaml\nCOMPOSE_PATH_SEPARATOR=,\nCOMPOSE_PROFILES=p\nX=1\n")
    told = folder.run("up", "--json")
    assert [s["service"] for s in json.loads(told.stdout)["services"]] == ["tool", "web"]
    assert folder.run("exec", "-e", "Z=3", "web", "sh", "-c", "echo $X$Y$Z").stdout == "123\n"


def test_options_win_over_what_the_environment_says(folder):
    folder.write({"web": SLEEP, "tool": {**SLEEP, "profiles": ["p"]}, "other": {**SLEEP, "profiles": ["q"]}})
    variables = {"COMPOSE_PROJECT_NAME": "elsewhere", "COMPOSE_PROFILES": "q"}
    told = json.loads(folder.run("up", "--json", "-p", folder.name, "--profile", "p", **variables).stdout)
    assert told["project"] == folder.name
    assert [s["service"] for s in told["services"]] == ["tool", "web"]


def test_down_leaves_nothing_of_profiles_former_names_and_one_off_runs(folder):
    former = {"old": {**SLEEP, "volumes": ["data:/d"]}, "tool": {**SLEEP, "profiles": ["tools"]}}
    folder.write(former, volumes={"data": {}}, networks={"extra": {}})
    folder.run("up", "old", "tool")
    docker("compose", "run", "--detach", "old", "sleep", "500", cwd=folder.path)
    folder.write({"new": {**SLEEP, "volumes": ["data:/d"]}, "tool": former["tool"]}, volumes={"data": {}})
    folder.run("up")
    told = folder.run("down", "--timeout", "1")
    assert folder.left() == []
    assert "network" not in told.stderr.partition("kept:")[2]
    assert f"kept: {folder.name}_data (" in told.stderr
    assert "to delete: samplemind down --volumes" in told.stderr
    folder.run("down", "--volumes", "--yes")
    assert folder.name not in docker("volume", "ls", "--quiet")


def test_a_network_that_the_files_no_longer_declare_goes_with_the_stack(folder):
    folder.write({"web": {**SLEEP, "networks": ["back"]}}, networks={"back": {}})
    folder.run("up")
    folder.write({"web": SLEEP})
    assert f"removed: network {folder.name}_back\n" in folder.run("down", "--timeout", "1").stderr
    assert folder.left() == []


def test_what_a_service_needs_of_an_inactive_profile_is_named_with_the_option_that_activates_it(folder):
    folder.write({"db": {**SLEEP, "profiles": ["data"]}, "web": {**SLEEP, "profiles": ["web"], "depends_on": ["db"]}})
    assert "--profile NAME" in folder.run("up", code=3).stderr
    for verb in ("up", "build", "rebuild"):
        told = folder.run(verb, "web", code=2).stderr
        assert "web needs db, whose profile is not active\nhint: add --profile data\n" in told
    folder.run("up", "web", "--profile", "data")


def test_a_network_that_others_use_and_an_anonymous_volume_are_named(folder):
    folder.write({"web": {**SLEEP, "volumes": ["/anonymous"]}})
    folder.run("up")
    network = f"{folder.name}_default"
    foreign = docker(
        "run", "--detach", "--rm", "--init", "--network", network, "python:3.13-slim", "sleep", "500"
    ).strip()
    try:
        told = folder.run("down")
        assert f"docker network rm {network}" in told.stderr
        volume = told.stderr.partition("docker volume rm ")[2].split()[0]
        docker("volume", "rm", volume)
    finally:
        docker("rm", "--force", foreign)
    folder.run("down")
    assert folder.left() == []


def test_services_of_profiles_are_built_and_their_ports_moved(folder):
    port = 38100 + int(uuid.uuid4().hex[:3], 16)
    ports = {"ports": [f"127.0.0.1:{port}:8000"]}
    inline = {"build": {"context": ".", "dockerfile_inline": "FROM python:3.13-slim\nRUN echo hi"}, "profiles": ["x"]}
    tool = {**SLEEP, **ports, **inline}
    del tool["image"]  # the build would replace it
    folder.write({"one": {**SLEEP, **ports}, "two": {**SLEEP, **ports}, "tool": tool})
    assert f"two needs port {port}, which service one of this project uses" in folder.run("up", code=3).stderr
    urls = {s["service"]: s["url"] for s in json.loads(folder.run("up", "--auto-ports", "--json").stdout)["services"]}
    assert urls["one"] == f"http://127.0.0.1:{port}" != urls["two"]
    assert f"tool needs port {port}" in folder.run("up", "tool", code=3).stderr
    assert folder.run("build", "tool").stdout.startswith(f"tool: {folder.name}-tool")
    folder.run("up", "tool", "--auto-ports")
    assert folder.run("rebuild", "tool").stdout.endswith("recreated: nothing\n")
    docker("rmi", "--force", f"{folder.name}-tool")


def test_replicas_on_one_port_are_told_before_anything_starts(folder):
    folder.write({"web": {**SLEEP, "ports": ["127.0.0.1:38099:80"], "deploy": {"replicas": 2}}})
    assert "2 replicas, which cannot all listen on port 38099" in folder.run("up", code=2).stderr
    assert folder.left() == []


def test_files_from_the_network_are_refused(folder):
    folder.write({"web": SLEEP}, include=["https://git.invalid/x.git"])
    told = folder.run("up", code=3)
    assert "include one from the network" in told.stderr
    assert told.stderr.startswith("stack: compose.yaml\n")
