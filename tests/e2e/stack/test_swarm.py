"""Replicas behind the edge, on a Swarm of one node: scaled, killed and asked the same at once, all under load."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from parts.ollama_daemon import free_port
from parts.waiting import until

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[3]
COMMAND = str(Path(sys.executable).with_name("samplemind"))
TOKEN = "t0ken-of-a-test"
THREADS = 6
LATENCY = 30  # ms of the provider, so that some requests are always at work
PROVIDER = {
    "command": ["mock", "--host", "0.0.0.0", "--port", "9000", "--latency", str(LATENCY)],
    "networks": ["inside"],
    "healthcheck": {"disable": True},
    "ports": [{"target": 9000, "protocol": "tcp", "mode": "host"}],
    "deploy": {"endpoint_mode": "dnsrr", "replicas": 1},
    "stop_grace_period": "1s",
}


def docker(*words, check=True, **env):
    done = subprocess.run(
        ["docker", *words], env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=120
    )
    assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.strip()


@pytest.fixture
def swarm():
    """A Swarm that this node manages; one that was made here is left again."""
    state, manages = docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}").split()
    if state == "active":
        if manages != "true":
            pytest.skip("this node is a Swarm's worker, and another one deploys")
        yield
        return
    bridge = docker("network", "ls", "--quiet", "--filter", "name=docker_gwbridge")
    begun = subprocess.run(
        ["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"], capture_output=True, text=True, check=False
    )
    if begun.returncode:
        pytest.skip(f"the engine makes no Swarm: {begun.stderr.strip()}")
    try:
        yield
    finally:
        docker("swarm", "leave", "--force")
        if not bridge:
            docker("network", "rm", "docker_gwbridge", check=False)


class Stack:
    """The carried stack file under a name and ports of its own, with a provider beside it."""

    def __init__(self, folder):
        self.name = f"smt-{uuid.uuid4().hex[:8]}"
        self.image = f"{self.name}-api"
        edge, self.provider = free_port(), f"http://127.0.0.1:{free_port()}"
        port = {**PROVIDER["ports"][0], "published": int(self.provider.rpartition(":")[2])}
        services = {"provider": {**PROVIDER, "image": self.image, "ports": [port]}}
        self._overlay = folder / "provider.json"
        self._overlay.write_text(json.dumps({"version": "3.12", "services": services}))
        self.env = {
            "API_IMAGE": self.image,
            "API_PORT": str(edge),
            "API_REPLICAS": "1",
            "SAMPLEMIND_API_TOKEN": TOKEN,
            "OPENAI_BASE_URL": "http://provider:9000/v1",
            "OPENAI_API_KEY": "k",
            "SAMPLEMIND_OPENAI_RPM": "0",
        }
        self.url = f"http://127.0.0.1:{edge}"
        self.headers = {"authorization": f"Bearer {TOKEN}"}

    def deploy(self, folder):
        built = subprocess.run(
            [COMMAND, "build", "api"], env={**os.environ, **self.env}, cwd=folder, capture_output=True, check=False
        )
        assert built.returncode == 0, built.stderr
        files = [word for file in (ROOT / "compose/compose.swarm.yaml", self._overlay) for word in ("-c", str(file))]
        docker("stack", "deploy", "--resolve-image", "never", *files, self.name, **self.env)

    def remove(self):
        docker("stack", "rm", self.name, check=False)
        mine = ("--quiet", "--filter", f"label=com.docker.stack.namespace={self.name}")
        until(lambda: not docker("ps", "--all", *mine) and not docker("network", "ls", *mine), 60)
        docker("image", "rm", "--force", self.image, check=False)

    def scale(self, count):
        docker("service", "scale", "--detach", f"{self.name}_api={count}")

    def replicas(self):
        return docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={self.name}_api").split()

    def ask(self, client, prompt):
        body = {"model": "openai/any", "messages": [{"role": "user", "content": prompt}]}
        return client.post(f"{self.url}/v1/chat/completions", json=body, headers=self.headers)

    def asked(self):
        """The prompts that reached the provider, of the last ten thousand."""
        records = httpx.get(f"{self.provider}/_mock/requests", timeout=20).json()["requests"]
        return [record["body"]["messages"][0]["content"] for record in records]


class Load:
    """Clients that ask something new again and again; `answered` holds who answered when, `failed` what went wrong."""

    def __init__(self, stack):
        self._stack = stack
        self._over = threading.Event()
        self.answered, self.failed = [], []
        self._threads = [threading.Thread(target=self._run) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def by(self, since):
        """The replicas that have answered since then; a request's id begins with its worker's."""
        return {replica for when, replica in list(self.answered) if when > since}

    def wait_for(self, count):
        """Wait until exactly so many replicas answer."""
        since = time.monotonic()
        until(lambda: len(self.by(max(since, time.monotonic() - 1.5))) == count and time.monotonic() > since + 1.5, 40)

    def _run(self):
        with httpx.Client(timeout=30) as client:
            while not self._over.is_set():
                self._once(client, f"new {uuid.uuid4()}")

    def _once(self, client, prompt):
        began = time.monotonic()
        try:
            answer = self._stack.ask(client, prompt)
        except httpx.HTTPError as error:
            self.failed.append((began, repr(error)))
            return
        if answer.status_code == 200:
            self.answered.append((time.monotonic(), replica_of(answer)))
        else:
            self.failed.append((began, answer.text))


def replica_of(answer):
    return answer.headers["x-samplemind-request-id"].rpartition("-")[0]


@pytest.fixture
def stack(swarm, tmp_path):  # noqa: ARG001 - it has to be there
    made = Stack(tmp_path)
    try:
        made.deploy(tmp_path)
        yield made
    finally:
        made.remove()


def ready(stack):
    with suppress(httpx.HTTPError):
        found = httpx.get(f"{stack.url}/readyz", headers=stack.headers, timeout=5)
        return found.status_code == 200 and found.json()["checks"]["redis"] == "ok"
    return False


def test_replicas_come_and_go_and_die_under_load_and_share_their_calls(stack):
    until(lambda: ready(stack), 60)
    with Load(stack) as load:
        load.wait_for(1)
        stack.scale(3)
        load.wait_for(3)
        assert load.failed == []

        until(lambda: share_a_call(stack), 90)  # one that did not reach Redis while it started leaves it alone a while

        docker("kill", stack.replicas()[0])
        killed = time.monotonic()
        load.wait_for(3)
        assert [told for began, told in load.failed if began > killed] == []
        assert len(load.failed) <= THREADS

        before = len(load.failed)
        stack.scale(1)
        load.wait_for(1)
        assert load.failed[before:] == []
    assert len(load.answered) > 100


def share_a_call(stack):
    """Whether several replicas that are asked the same at once make one call of it."""
    prompt = f"the same of everybody {uuid.uuid4()}"
    said = at_once(stack, prompt, 12)
    assert {answer.status_code for answer in said} == {200}
    return len({replica_of(answer) for answer in said}) > 1 and stack.asked().count(prompt) == 1


def at_once(stack, prompt, count):
    answers = []

    def ask():
        with httpx.Client(timeout=30) as client:
            answers.append(stack.ask(client, prompt))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
