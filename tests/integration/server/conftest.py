"""`samplemind serve` as a process of its own, before the mock providers."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest
from parts import warm

COMMAND = ["serve", "--port", "0", "--json"]
QUESTION = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}


class Served:
    """A running server; `log` holds its stderr once it has ended."""

    def __init__(self, folder, env, work, *args):
        self._log = (folder / "serve.log").open("wb+")
        own, env = any(name.startswith("PYTHON") for name in env), {**os.environ, **env}
        if own:  # only an interpreter that starts heeds such a variable
            command = [sys.executable, "-m", "samplemind_cli", *args]
            self.process = subprocess.Popen(command, stderr=self._log, stdout=subprocess.PIPE, env=env)
        else:
            self.process = warm.Program(work, *args, env=env, stderr=folder / "serve.log")
        first = self.process.stdout.readline()
        if not first:
            self.process.wait(timeout=20)
            self.process.stdout.close()
            told = self.log
            self._log.close()
            pytest.fail(told)
        self.began = time.monotonic()
        self.url = json.loads(first)["url"]
        self.http = httpx.Client(base_url=self.url, timeout=20, verify=False)  # certificates take longer than an answer

    @property
    def log(self):
        self._log.seek(0)
        return self._log.read().decode()

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def ask(self, headers=None, **changes):
        return self.http.post("/v1/chat/completions", json={**QUESTION, **changes}, headers=headers)

    def metric(self, name):
        """The value of the first metric whose line begins so; 0 when there is none."""
        lines = self.http.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)

    @property
    def official(self):
        """The official package, imported by whom it serves: that takes half a second of each process of the tests."""
        import openai

        return openai

    def openai(self, **options):
        plain = self.official.DefaultHttpxClient(verify=False)  # again, no certificates
        ours = {"api_key": "unused", "max_retries": 0, "http_client": plain}
        return self.official.OpenAI(base_url=f"{self.url}/v1", **{**ours, **options})

    def stop(self, number=signal.SIGTERM):
        self.http.close()
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@pytest.fixture
def serve(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    with ExitStack() as ends:

        def start(*options, bounds=None, **env):
            folder = tmp_path / str(len(started))
            folder.mkdir()
            program = (warm.serve, bounds) if bounds else (warm.samplemind, *COMMAND, *options)
            started.append(Served(folder, env, *program))
            ends.callback(_end, started[-1])
            return started[-1]

        started = []
        yield start


@pytest.fixture
def served(serve):
    return serve()


@pytest.fixture
def anthropic(served):
    package = pytest.importorskip("anthropic")
    with package.Anthropic(base_url=served.url, api_key="unused", max_retries=0) as client:
        yield client


def _end(served):
    if served.process.poll() is None:
        served.stop()
    served.http.close()
    served.process.stdout.close()
    served._log.close()
