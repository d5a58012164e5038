"""A real Redis that can be killed, frozen and brought back."""

import shutil
import signal
import socket
import subprocess
import time

import pytest


class Server:
    """redis-server on a port that stays the same when it comes back; nothing of it reaches the disk for long."""

    def __init__(self, folder, *options):
        from redis import Redis  # here, since every process of the tests imports this module
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.socket = f"{folder}/redis.sock"
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis(unix_socket_path=self.socket, retry=Retry(NoBackoff(), 0))
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir", str(folder)]
        self._command = ["redis-server", *where, "--save", "", *options]
        self.start()

    def start(self):
        import redis

        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                self.client.ping()
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                time.sleep(0.01)
            else:
                return
        pytest.fail("redis-server does not start")

    def kill(self):
        self.client.close()
        self._process.kill()
        self._process.wait()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def start_redis(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    servers = []

    def start(*options):
        servers.append(Server(tmp_path_factory.mktemp("redis"), *options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
