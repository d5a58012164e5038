import sys

import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.stack import engine as module
from samplemind_cli.stack.engine import Engine

pytestmark = pytest.mark.integration

ECHO = """
import json, sys
for line in sys.stdin.buffer:
    if line.startswith(b"GET "):
        path = line.split()[1].decode()
        status = {"/gone": 404, "/bad": 500}.get(path.partition("?")[0], 200)
        body = json.dumps({"path": path, "message": "no space left on device"}).encode()
        sys.stdout.buffer.write(b"HTTP/1.1 %d x\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (status, len(body), body))
        sys.stdout.buffer.flush()
"""


@pytest.fixture
def client(monkeypatch):
    """Put a Python program where the Docker client would run."""

    def client(program):
        monkeypatch.setattr(module, "docker_command", lambda *_: [sys.executable, "-c", program])

    return client


def test_one_connection_answers_question_after_question(client):
    client(ECHO)
    with Engine() as engine:
        assert engine.get("/info")["path"] == "/info?"
        asked = engine.get("/containers/json", all="1", filters={"label": ["a=b"]})["path"]
        assert asked == "/containers/json?all=1&filters=%7B%22label%22%3A%20%5B%22a%3Db%22%5D%7D"
        assert engine.get("/gone") is None
        with pytest.raises(StackError, match="the disk is full"):
            engine.get("/bad")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("failed to open the raw stream connection: dial unix /x: connect: permission denied", "may not use"),
        ("failed to open the raw stream connection: dial tcp: connection refused", "does not answer"),
        ("error while CloseWrite (stdin to stream): use of closed network connection", "does not answer"),
        ("error while Copy (stream to stdout): read unix @->/x: connection reset by peer", "does not answer"),
        ("", "does not answer"),
    ],
)
def test_a_client_that_gives_up_is_one_clear_error(client, said, message):
    client(f"import sys; sys.exit({said!r})")
    with Engine() as engine:
        for _ in range(2):
            with pytest.raises(StackError, match=message):
                engine.get("/info")


def test_an_engine_that_hangs_is_given_up_and_so_is_the_client_that_is_deaf_while_it_waits(client):
    client("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    with Engine(timeout=0.5) as engine, pytest.raises(StackError, match="does not answer"):
        engine.get("/info")
