"""`profile api` on the stack as it is carried: the running service is looked at, and stays what it was."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from parts.waiting import until

pytestmark = pytest.mark.e2e
COMMAND = str(Path(sys.executable).with_name("samplemind"))
# Thousands of messages to check, and a last one that is refused: `_message` is where the time goes.
MANY = [{"role": "user", "content": "hi"}] * 20_000
BODY = json.dumps({"model": "auto", "messages": [*MANY, {"role": "nobody"}]}).encode()
PID_MODE = "{{.HostConfig.PidMode}} {{.State.Status}}"


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout


class Stack:
    """The carried stack, with a name, ports and an image of its own."""

    def __init__(self, folder, port, redis):
        self.folder, self.port, self.name = folder, port, f"smt-{os.getpid()}-profiled"
        names = {"COMPOSE_PROJECT_NAME": self.name, "API_IMAGE": self.name}
        self.env = {**os.environ, **names, "API_PORT": str(port), "REDIS_PORT": str(redis)}

    def run(self, *arguments, code=0):
        done = subprocess.run(
            [COMMAND, *arguments], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=500,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def containers(self):
        """Of our image: their ids, and since when they run."""
        ids = docker("ps", "--all", "--quiet", "--filter", f"ancestor={self.name}").split()
        return docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}", *ids).splitlines()

    @contextmanager
    def busy(self):
        """Keep the service at work meanwhile."""
        ended = Event()
        thread = Thread(target=self._ask_on, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _ask_on(self, ended):
        headers = {"authorization": "Bearer local", "content-type": "application/json"}
        while not ended.is_set():
            with pytest.raises(HTTPError, match="400"):
                urlopen(Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", BODY, headers), timeout=30)


@pytest.fixture
def stack(project, tmp_path):
    stack = Stack(tmp_path, project.free_port(), project.free_port())
    yield stack
    stack.run("down", "--volumes", "--models", "--yes", "--timeout", "1")
    docker("image", "rm", "--force", stack.name)


def test_the_hot_function_of_the_living_service_is_named_and_the_service_is_left_as_it_was(stack):
    stack.run("up", "api", "--build", "--no-adopt")
    before = stack.containers()
    assert len(before) == 1

    with stack.busy():
        done = stack.run("profile", "api", "--seconds", "3")
        again = stack.run("profile", "again")

    assert stack.containers() == before
    assert "formats/" in done.stderr.split("s of work in 3.00 s")[1].splitlines()[1]
    assert "overhead: not measured" in done.stderr
    assert "cpu own" in again.stderr
    found = json.loads(stack.run("profile", "list", "--json").stdout)
    assert [(one["words"], one["watch"]) for one in found] == [(["api"], 3)] * 2
    folder = Path(found[0]["folder"])
    frames = json.loads((folder / "cpu.frames.json").read_bytes())["frames"]
    file = "/opt/samplemind/samplemind_cli/formats/openai_chat/messages.py"
    hot = next(frame for frame in frames if (frame["file"], frame["function"]) == (file, "read"))
    assert hot["total"] > 0.3 * sum(frame["own"] for frame in frames)
    assert "https://fonts" not in (folder / "cpu.html").read_text()
    assert json.loads((folder / "cpu.speedscope.json").read_bytes())["profiles"]


def beside(container):
    """Whether there is a container that has this one's processes in view."""
    ids = docker("ps", "--all", "--quiet").split()  # one that goes meanwhile is left out
    return f"container:{container} running" in docker("inspect", "--format", PID_MODE, *ids)


def test_what_cannot_be_looked_at_is_told_with_the_next_command(project):
    stack = project({"api": project.redis(), "web": project.python("import time; time.sleep(600)")})
    assert "api is not running: it is not created\nhint: samplemind up api\n" in stack.run("profile", "api", code=3).err
    stack.run("up")
    err = stack.run("profile", "api", "--seconds", "1", code=3).err
    assert "py-spy beside api: No python processes found" in err
    assert "hint: samplemind logs api\n" in err


@pytest.mark.parametrize("moment", ["we are interrupted", "the service ends"])
def test_nothing_stays_behind_when_it_ends_early(project, moment):
    stack = project({"api": project.python("while True: pass")})
    stack.run("up")
    (api,) = stack.ids()
    with stack.start("profile", "api", "--seconds", "600") as looking:
        until(lambda: beside(api), 60)
        if moment == "the service ends":
            stack.compose("kill", "api")
        else:
            looking.terminate()
        err = looking.communicate(timeout=30)[1]
    assert looking.returncode == (3 if moment == "the service ends" else 143)
    assert ("api stopped while it was sampled" in err) == (moment == "the service ends")
    until(lambda: not beside(api))
