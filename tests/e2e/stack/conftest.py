"""Stacks of small services on the real engine: each test has a project and ports of its own, and takes them down."""

import json
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from parts import docker_engine

COMMAND = str(Path(sys.executable).with_name("samplemind"))
SERVER = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)"
PROBE = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000', timeout=2)"


@pytest.fixture(scope="session", autouse=True)
def _engine():
    if why := docker_engine.absence():
        pytest.skip(why)


class Project:
    """A compose file, and the command run on it."""

    def __init__(self, folder, name, services, volumes=()):
        self.name = name
        self.file = folder / "compose.json"
        self.env = {**os.environ, "SAMPLEMIND_COMPOSE_FILE": str(self.file), "COMPOSE_PROJECT_NAME": name}
        self.record = Path(os.environ["HOME"]) / ".local/state/samplemind/stack.json"
        self.write(services, volumes)

    def write(self, services, volumes=()):
        self.file.write_text(json.dumps({"services": services, "volumes": {key: {} for key in volumes}}))

    def start(self, *arguments, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": self.env, **options}
        return subprocess.Popen([COMMAND, *arguments], **options)

    def run(self, *arguments, code=0, **options):
        with self.start(*arguments, **options) as child:
            child.out, child.err = child.communicate(timeout=120)
        assert child.returncode == code, (child.returncode, child.out, child.err)
        return child

    def recorded(self):
        """What `up` recorded of it."""
        return json.loads(self.record.read_text())["stacks"][self.name]

    def ps(self):
        return {s["service"]: s for s in json.loads(self.run("ps", "--json").out)["services"]}

    def compose(self, *arguments):
        command = ["docker", "compose", "--file", str(self.file), *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout

    def ids(self):
        return set(self.compose("ps", "--all", "--quiet", "--no-trunc").split())

    def processes(self):
        """Command lines of processes that have our compose file among their arguments."""
        found = subprocess.run(["pgrep", "-af", str(self.file)], capture_output=True, text=True, check=False).stdout
        return [line for line in found.splitlines() if "pgrep" not in line]


class Projects:
    """Makes the test's project of services, of which these are the usual ones."""

    SERVER = SERVER
    PROBE = PROBE

    def __init__(self, folder):
        self.folder = folder
        self.made = []

    def __call__(self, services, volumes=()):
        self.made.append(Project(self.folder, f"smt-{uuid.uuid4().hex[:12]}", services, volumes))
        return self.made[-1]

    @staticmethod
    def free_port():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    @staticmethod
    def redis(port=None, **more):
        """A service that is healthy at once."""
        probe = {"test": ["CMD", "redis-cli", "-e", "ping"], "interval": "1s", "start_period": "20s"}
        ports = {"ports": [f"127.0.0.1:{port}:6379"]} if port else {}
        return {"image": "redis:8", "healthcheck": probe, "stop_grace_period": "1s", **ports, **more}

    @staticmethod
    def python(code, **more):
        """A service that runs a line of Python."""
        return {"image": "python:3.13-slim", "command": ["python", "-uc", code], "init": True, **more}


@pytest.fixture
def project(tmp_path):
    """A function that makes the test's project of services, and takes it down after the test."""
    projects = Projects(tmp_path)
    yield projects
    for one in projects.made:
        one.compose("down", "--volumes", "--timeout", "1", "--remove-orphans")
