"""`ps` on the real engine."""

import json
import os
import pty
import signal
import subprocess

import pytest

pytestmark = pytest.mark.e2e
REDIS = ["redis-server", "--protected-mode", "no"]


def test_tells_what_redis_knows_and_what_it_uses(project):
    port = project.free_port()
    stack = project({"redis": project.redis(port, mem_limit="64m", command=[*REDIS, "--maxmemory", "32mb"])})
    stack.run("up")
    stack.compose("exec", "-T", "redis", "redis-cli", "set", "a", "1")
    for key in ("a", "a", "a", "b"):
        stack.compose("exec", "-T", "redis", "redis-cli", "get", key)
    told = stack.ps()["redis"]
    assert told["details"]["hit_rate"] == 0.75
    assert told["details"]["max_memory_bytes"] == 32 * 1024 * 1024
    assert told["memory_limit_bytes"] == 64 * 1024 * 1024
    assert 0 < told["memory_bytes"] < 64 * 1024 * 1024
    assert 0 <= told["cpu_percent"] <= 400
    assert told["ports"] == [{"address": "127.0.0.1", "published": port, "target": 6379, "protocol": "tcp"}]
    assert "redis: 75% hits, " in stack.run("ps").out


def test_works_with_half_the_stack_down(project):
    stack = project(
        {
            "redis": project.redis(),
            "gone": project.redis(),
            "never": project.redis(),
            "failed": project.python("raise SystemExit(7)"),
        }
    )
    stack.run("up", "redis", "gone", "failed", code=3)
    stack.compose("stop", "gone")
    told = stack.ps()
    assert {name: s["state"] for name, s in told.items()} == {
        "redis": "running",
        "gone": "exited",
        "never": "absent",
        "failed": "exited",
    }
    assert told["failed"]["exit_code"] == 7
    assert told["never"]["uptime_s"] is None
    lines = stack.run("ps").out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("never")] == [["never", "not"]]


def test_every_address_of_a_service_is_told_tcp_first(project):
    web, dns = project.free_port(), project.free_port()
    ports = [f"127.0.0.1:{dns}:53/udp", f"127.0.0.1:{web}:6379"]
    stack = project({"web": project.redis(ports=ports)})
    stack.run("up")
    lines = stack.run("ps").out.splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == [f"redis://127.0.0.1:{web}", f"udp://127.0.0.1:{dns}"]


def test_replicas_are_told_one_by_one(project):
    stack = project({"worker": project.redis(scale=2)})
    stack.run("up")
    assert [line.split()[0] for line in stack.run("ps").out.splitlines()] == ["SERVICE", "worker", "worker-2"]


def test_watching_tells_again_and_again_until_ctrl_c(project):
    stack = project({"redis": project.redis()})
    with stack.start("ps", "--watch", "--interval", "0.1", "--json") as watch:
        looks = [json.loads(watch.stdout.readline()) for _ in range(3)]
        watch.send_signal(signal.SIGINT)
        assert watch.communicate(timeout=30)[1] == ""
    assert watch.returncode == 130
    assert [look["services"][0]["state"] for look in looks] == ["absent"] * 3


def test_forty_columns_are_enough(project):
    stack = project({"redis": project.redis(project.free_port())})
    stack.run("up")
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "40"], stdin=theirs, check=True)
    stack.run("ps", stdout=theirs, env={**stack.env, "TERM": "xterm", "COLUMNS": "40"})
    os.close(theirs)
    lines = os.read(ours, 65536).decode().splitlines()
    assert lines[0].startswith("redis healthy")
    assert "  redis://127.0.0.1:" in "\n".join(lines)


def test_the_object_is_printed_when_the_engine_does_not_answer_too(project):
    stack = project({"redis": project.redis()})
    gone = {**stack.env, "DOCKER_HOST": "unix:///nowhere.sock"}
    told = json.loads(stack.run("ps", "--json", code=3, env=gone).out)
    assert (told["project"], told["services"]) == (None, [])
    assert "the Docker daemon does not answer" in told["error"]["message"]


def test_what_redis_knows_is_told_whichever_of_its_ports_comes_first(project):
    port, other = project.free_port(), project.free_port()
    ports = [f"127.0.0.1:{other}:80", f"127.0.0.1:{other}:6379/udp", f"127.0.0.1:{port}:6379"]
    stack = project({"redis": project.redis(), "cache": project.redis(ports=ports)})
    stack.run("up")
    assert stack.ps()["cache"]["details"]["evicted_keys"] == 0
