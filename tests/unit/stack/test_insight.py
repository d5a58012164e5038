import socket
import sys
import threading
import time
from contextlib import suppress

import pytest

from samplemind_cli.stack import insight as module
from samplemind_cli.stack.insight import insight, ollama_version
from samplemind_cli.stack.services import Port

INFO = "# Stats\r\nkeyspace_hits:3\r\nkeyspace_misses:1\r\nevicted_keys:7\r\nused_memory:1000\r\nmaxmemory:0\r\n"


@pytest.fixture
def serve():
    """A function that makes a port on which each connection gets one answer, whatever it asks."""
    listeners = []

    def serve(answer, target):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run():
            try:
                while True:
                    with listener.accept()[0] as line:
                        line.recv(4096)
                        line.sendall(answer)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        return Port(address="127.0.0.1", published=listener.getsockname()[1], target=target)

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def http(body):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def bulk(text):
    return f"${len(text)}\r\n{text}\r\n".encode()


def test_redis_tells_its_hits_memory_and_evictions(serve):
    assert insight(serve(bulk(INFO), 6379)) == {
        "hit_rate": 0.75,
        "used_memory_bytes": 1000,
        "max_memory_bytes": 0,
        "evicted_keys": 7,
    }
    unread = INFO.replace("hits:3", "hits:0").replace("misses:1", "misses:0")
    assert insight(serve(bulk(unread), 6379))["hit_rate"] is None


def test_redis_refusal_is_told_by_its_first_sentence(serve):
    assert insight(serve(b"-NOAUTH Authentication required. Do this.\r\n", 6379)) == {
        "error": "NOAUTH Authentication required"
    }


def test_ollama_tells_how_much_of_each_model_is_on_the_gpu(serve):
    models = '{"models": [{"name": "a", "size": 100, "size_vram": 62}, {"name": "b", "size": 0}]}'
    assert insight(serve(http(models), 11434)) == {
        "models": [
            {"name": "a", "size_bytes": 100, "gpu_percent": 62},
            {"name": "b", "size_bytes": 0, "gpu_percent": 0},
        ]
    }


@pytest.mark.parametrize("target", [6379, 11434, 27017])
@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"$9\r\n", http("[]"), http("{}")])
def test_a_stranger_s_answer_is_an_error_that_says_something(serve, monkeypatch, target, answer):
    monkeypatch.setattr("samplemind_cli.stack.insight.TIMEOUT", 0.2)  # MongoDB's driver tries again until then
    found = insight(serve(answer, target))
    assert set(found) == {"error"}
    assert found["error"]


def test_without_its_driver_mongodb_s_figures_name_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymongo", None)
    assert insight(Port(address="127.0.0.1", published=1, target=27017)) == {
        "hint": "pip install 'samplemind-cli[mongo]'"
    }


def test_nobody_there_is_an_error_and_an_unknown_service_tells_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in insight(Port(address="127.0.0.1", published=port, target=6379))["error"]
    assert insight(Port(address="127.0.0.1", published=port, target=8000)) == {}


def test_an_ollama_is_known_by_its_version(serve):
    assert ollama_version(serve(http('{"version": "0.17.4"}'), 11434)) == "0.17.4"
    assert ollama_version(serve(http("[]"), 11434)) == ""
    assert ollama_version(serve(b"+PONG\r\n", 11434)) == ""


ENDLESS = b"x" * 65_536


@pytest.fixture
def endless(monkeypatch):
    """A function that makes a port whose answer begins so and goes on in pieces until its reader hangs up."""
    monkeypatch.setattr(module, "LARGEST", 1_000_000)
    monkeypatch.setattr(module, "WHOLE", 0.5)
    listener, heard = socket.create_server(("127.0.0.1", 0)), []

    def endless(beginning, target, piece=ENDLESS, pause=0.0):
        def run():
            with suppress(OSError):
                while True:
                    with listener.accept()[0] as line, suppress(OSError):
                        line.recv(4096)
                        line.sendall(beginning)
                        while not time.sleep(pause):
                            line.sendall(piece)
                            heard.append(len(piece))

        threading.Thread(target=run, daemon=True).start()
        return Port(address="127.0.0.1", published=listener.getsockname()[1], target=target), heard

    yield endless
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize(
    ("target", "beginning"),
    [
        (6379, b"$"),
        (6379, b"$999999999999\r\n"),
        (6379, b"-"),
        (6379, b"$-1\r\n"),
        (11434, b"HTTP/1.1 200 OK\r\nx: "),
        (11434, b"HTTP/1.1 200 OK\r\n\r\n"),
        (11434, b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
        (11434, b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"),
        (11434, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffff\r\n"),
        (27017, b""),
    ],
)
def test_who_talks_without_end_is_heard_up_to_the_limit(endless, target, beginning):
    port, heard = endless(beginning, target)
    assert set(insight(port)) == {"error"}
    assert sum(heard) < 20_000_000  # what the two sockets hold included


@pytest.mark.parametrize("target", [6379, 11434, 27017])
def test_who_says_a_byte_at_a_time_is_not_waited_for(endless, target):
    port, _ = endless(b"", target, piece=b"0", pause=0.05)
    began = time.monotonic()
    assert set(insight(port)) == {"error"}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"models": [{"name": "a", "size": 1e999, "size_vram": 1}]}',
        '{"models": [{"name": "a", "size": "x", "size_vram": 1}]}',
        '{"models": [{"name": "a", "size": 1, "size_vram": 1e999}]}',
        '{"models": [[]]}',
        '{"models": {"a": 1}}',
        '{"models": 7}',
    ],
)
def test_numbers_that_are_none_are_an_error(serve, body):
    assert set(insight(serve(http(body), 11434))) == {"error"}
