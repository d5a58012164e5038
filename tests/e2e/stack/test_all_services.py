"""The stack as it is carried: Redis, Ollama, MongoDB and the project's api, on the real engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
COMMAND = str(Path(sys.executable).with_name("samplemind"))
SERVICES = {"redis": 6379, "ollama": 11434, "mongodb": 27017, "api": 8000}


@pytest.fixture
def stack(project, tmp_path):
    """The environment of a shell in an empty folder, with a project name and ports of its own."""
    names = {"REDIS_PORT": "redis", "OLLAMA_PORT": "ollama", "MONGO_PORT": "mongodb", "API_PORT": "api"}
    ports = {service: str(project.free_port()) for service in names.values()}
    name = f"smt-{os.getpid()}-carried"
    set_here = {"COMPOSE_PROJECT_NAME": name, "API_IMAGE": f"{name}-api"}
    env = {**os.environ, **set_here, **{key: ports[service] for key, service in names.items()}}
    yield env, ports, tmp_path
    run((env, ports, tmp_path), "down", "--volumes", "--models", "--yes", "--timeout", "1")
    subprocess.run(["docker", "image", "rm", "--force", f"{name}-api"], capture_output=True, check=False)


def run(stack, *arguments, code=0):
    env, _, folder = stack
    done = subprocess.run(
        [COMMAND, *arguments], env=env, cwd=folder, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def test_starts_from_anywhere_is_healthy_and_is_told_of(stack):
    _, ports, _ = stack
    first = json.loads(run(stack, "up", "--build", "--no-adopt", "--json").stdout)
    assert {s["service"]: s["health"] for s in first["services"]} == dict.fromkeys(SERVICES, "healthy")

    told = {s["service"]: s for s in json.loads(run(stack, "ps", "--json").stdout)["services"]}
    assert {name: s["ports"][0]["published"] for name, s in told.items()} == {n: int(p) for n, p in ports.items()}
    assert {p["address"] for s in told.values() for p in s["ports"]} == {"127.0.0.1"}
    assert all(s["memory_limit_bytes"] and s["memory_bytes"] for s in told.values())
    assert told["redis"]["details"]["max_memory_bytes"] == 512 * 1024 * 1024
    assert told["ollama"]["details"] == {"models": []}
    assert "error" not in told["mongodb"]["details"]

    run(stack, "up", "--no-adopt")
    again = {s["service"]: s for s in json.loads(run(stack, "ps", "--json").stdout)["services"]}
    assert all(again[name]["uptime_s"] > told[name]["uptime_s"] for name in SERVICES)

    assert {json.loads(line)["service"] for line in run(stack, "logs", "--json").stdout.splitlines()} == set(SERVICES)

    down = json.loads(run(stack, "down", "--volumes", "--yes", "--json").stdout)
    assert len(down["stopped"]) == len(SERVICES)
    assert [kept["volume"].rpartition("_")[2] for kept in down["kept"]] == ["models"]
