import socket
import sys
import threading

import pytest

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
