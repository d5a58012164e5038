"""A real Ollama daemon of the test's own, which can be killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress

import pytest

from samplemind_cli.settings import Settings

BINARY = os.environ.get("SAMPLEMIND_TEST_OLLAMA") or shutil.which("ollama")
# A store with the model `tiny`, which says one known sentence, and `tiny-endless`, which says it for ever.
MODELS = os.environ.get("SAMPLEMIND_TEST_OLLAMA_MODELS", "")


class RealDaemon:
    """`ollama serve` on a free port, with a home and a store of its own; it can be killed and started again."""

    def __init__(self, folder, port, wrapper=(), store=None):
        self.store = store or folder / "store"
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "serve.log"
        self._command = [*wrapper, BINARY, "serve"]
        self._env = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "OLLAMA_HOST": f"127.0.0.1:{port}",
            "OLLAMA_MODELS": str(self.store),
            "OLLAMA_NOPRUNE": "1",  # a restarted daemon keeps what came, as the stack's does
        }
        self.settings = Settings(ollama_host=self.url)

    def start(self):
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/api/version", timeout=5):
                return self
            time.sleep(0.05)
        raise AssertionError(self._log.read_text()[-3000:])

    def kill(self, how=signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        self.process.wait()

    def manifests(self):
        """What is registered, by path."""
        return sorted(str(f.relative_to(self.store / "manifests")) for f in self.store.glob("manifests/*/*/*/*"))

    def blobs(self):
        return {f.name.replace("-", ":", 1) for f in self.store.glob("blobs/sha256-*") if "partial" not in f.name}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def new_daemon(tmp_path):
    """Starts a daemon, perhaps inside a wrapping command; all end with the test."""
    if BINARY is None:
        pytest.skip("no `ollama` in PATH, and SAMPLEMIND_TEST_OLLAMA names none")
    started = []

    def new(wrapper=()):
        started.append(RealDaemon(tmp_path, free_port(), wrapper))
        return started[-1].start()

    yield new
    for daemon in started:
        daemon.kill()


@pytest.fixture
def real_daemon(new_daemon):
    return new_daemon()


@pytest.fixture
def talking_daemon(tmp_path):
    """A daemon with models whose answers are known."""
    if BINARY is None or not MODELS:
        pytest.skip("SAMPLEMIND_TEST_OLLAMA_MODELS names no store with the models tiny and tiny-endless")
    store = tmp_path / "models"
    shutil.copytree(MODELS, store)
    daemon = RealDaemon(tmp_path, free_port(), store=store).start()
    yield daemon
    daemon.kill()
