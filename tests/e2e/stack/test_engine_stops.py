"""The engine goes away in the middle: a line to it that the test can cut, as the others need theirs."""

import contextlib
import socket
import threading

import pytest

pytestmark = pytest.mark.e2e
ENGINE = "/var/run/docker.sock"


class Line:
    """A Unix socket that leads to the engine until it is cut."""

    def __init__(self, path):
        self.path = str(path)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(self.path)
        self._door.listen()
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(ENGINE)
            self._open += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def line(tmp_path):
    line = Line(tmp_path / "d.sock")
    yield line
    line.cut() if line._door.fileno() >= 0 else None


def cut_when(child, pipe, text, line):
    """Cut the line once the command has said `text`; its exit code and what it said after."""
    for said in pipe:
        if text in said:
            break
    line.cut()
    rest = child.communicate(timeout=60)[1]
    return child.returncode, rest


def test_up_says_so(project, line):
    slow = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "start_period": "60s"}
    stack = project({"slow": project.redis(healthcheck=slow)})
    with stack.start("up", env={**stack.env, "DOCKER_HOST": f"unix://{line.path}"}) as up:
        code, said = cut_when(up, up.stderr, "slow: starting", line)
    assert code == 3
    assert "error: the Docker daemon does not answer" in said
    assert "Traceback" not in said
    assert stack.processes() == []


def test_following_logs_ends(project, line):
    stack = project({"talker": project.python("import time; print('one'); time.sleep(600)")})
    stack.run("up")
    with stack.start("logs", "-f", env={**stack.env, "DOCKER_HOST": f"unix://{line.path}"}) as follower:
        code, said = cut_when(follower, follower.stdout, "one", line)
    assert code in (0, 3)
    assert "Traceback" not in said
    assert stack.processes() == []


def test_watching_ps_says_so(project, line):
    stack = project({"redis": project.redis()})
    watch = ("ps", "--watch", "--interval", "0.1", "--json")
    with stack.start(*watch, env={**stack.env, "DOCKER_HOST": f"unix://{line.path}"}) as child:
        code, said = cut_when(child, child.stdout, "absent", line)
    assert code == 3
    assert "error: the Docker daemon does not answer" in said
