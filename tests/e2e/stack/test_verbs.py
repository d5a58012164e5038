"""`start`, `stop`, `restart`, `exec`, `open` and `watch` on the real engine."""

import json
import signal
import time

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(project):
    stack = project({"redis": project.redis(project.free_port()), "job": project.python("print('done')")})
    stack.run("up")
    return stack


def test_what_is_stopped_starts_again_as_it_was_and_healthy(stack):
    ids = stack.ids()
    told = json.loads(stack.run("stop", "redis", "--json").out)
    assert told == {"project": stack.name, "stopped": [f"{stack.name}-redis-1"]}
    assert stack.ps()["redis"]["state"] == "exited"
    (service,) = json.loads(stack.run("start", "redis", "--json").out)["services"]
    assert (service["service"], service["health"]) == ("redis", "healthy")
    assert service["url"].startswith("redis://127.0.0.1:")
    assert stack.ids() == ids


def test_stopping_everything_twice_is_no_error(stack):
    stack.run("stop", "--timeout", "1")
    assert "nothing was running" in stack.run("stop").err


def test_restarting_waits_for_health_and_keeps_the_containers(stack):
    ids, before = stack.ids(), stack.ps()["redis"]["uptime_s"]
    time.sleep(1)
    assert stack.run("restart", "redis", "-t", "1").out.splitlines()[1].split()[:2] == ["redis", "healthy"]
    assert stack.ps()["redis"]["uptime_s"] < before + 1
    assert stack.ids() == ids


def test_services_that_share_a_network_restart(project):
    sleep = project.python("import time; time.sleep(600)")
    stack = project({"vpn": sleep, "side": {**sleep, "network_mode": "service:vpn", "depends_on": ["vpn"]}})
    stack.run("up")
    ids = stack.ids()
    told = stack.run("restart", "-t", "0").out
    assert [line.split()[:2] for line in told.splitlines()[1:]] == [["side", "running"], ["vpn", "running"]]
    assert stack.ids() == ids


def test_a_service_that_fails_when_started_anew_is_told_with_its_log(project):
    code = "import os, sys, time; os.path.exists('/f') and sys.exit('broken now'); open('/f', 'w'); time.sleep(600)"
    stack = project({"web": project.python(code)})
    stack.run("up")
    told = stack.run("restart", code=3)
    assert "web ended with exit code 1" in told.err
    assert "log | broken now" in told.err


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "exec", "open"])
def test_an_unknown_service_is_told_with_the_known_ones(stack, verb):
    command = ["true"] if verb == "exec" else []
    told = stack.run(verb, "nope", *command, code=2)
    assert "error: no such service: nope" in told.err
    assert "hint: the compose files declare: job, redis" in told.err


def test_a_command_s_input_output_and_exit_code_are_passed_through(stack):
    assert stack.run("exec", "redis", "redis-cli", "ping").out == "PONG\n"
    stack.run("exec", "redis", "sh", "-c", "exit 7", code=7)
    with stack.start("exec", "redis", "no-such-program") as child:
        assert child.wait(60) in (126, 127)  # as the engine's version has it
    with stack.start("exec", "-w", "/tmp", "redis", "sh", "-c", "pwd; cat", stdin=-1) as child:
        assert child.communicate("hi\n", timeout=60)[0] == "/tmp\nhi\n"
    assert "job is not running: it is exited (0)" in stack.run("exec", "job", "true", code=3).err


def test_ctrl_c_ends_a_command_with_130(stack):
    with stack.start("exec", "redis", "sh", "-c", "echo here; sleep 60") as child:
        assert child.stdout.readline() == "here\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130


def test_open_prints_the_address(stack):
    port = stack.ps()["redis"]["ports"][0]["published"]
    assert stack.run("open", "redis", "--print").out == f"redis://127.0.0.1:{port}\n"
    assert "no browser could open" in stack.run("open", "redis", code=2).err


def test_why_nothing_leads_to_a_service_is_told(project):
    stack = project(
        {
            "plain": project.redis(),
            "host": project.redis(network_mode="host", command=["redis-server", "--port", str(project.free_port())],
                                  healthcheck={"disable": True}),
            "beside": project.redis(network_mode="service:plain", command=["sleep", "600"],
                                    healthcheck={"disable": True}),
        }
    )  # fmt: skip
    stack.run("up")
    told = {name: stack.run("open", name, "--print", code=3).err for name in ("plain", "host", "beside")}
    assert "give it `ports:` in the compose file, then: samplemind up plain\n" in told["plain"]
    assert "the host's network" in told["host"]
    assert "open that service" in told["beside"]


def test_a_change_is_synced_while_compose_watches(project):
    watched = {"watch": [{"action": "sync", "path": "./src", "target": "/src"}]}
    build = {"context": ".", "dockerfile_inline": "FROM python:3.13-slim\nCOPY src /src\nCMD sleep 1000"}
    stack = project({"web": {"build": build, "init": True, "stop_grace_period": "1s", "develop": watched}})
    source = stack.file.parent / "src"
    source.mkdir()
    (source / "one").touch()
    try:
        with stack.start("watch") as child:
            for line in child.stdout:
                if "Watch enabled" in line:
                    break
            (source / "two").write_text("new")
            assert "web" in child.stdout.readline()
            deadline = time.monotonic() + 30
            while "two" not in stack.run("exec", "web", "ls", "/src").out and time.monotonic() < deadline:
                time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 130
        assert "two" in stack.run("exec", "web", "ls", "/src").out
        assert stack.processes() == []
    finally:
        stack.compose("down", "--rmi", "local")


def test_a_stack_with_nothing_to_watch_is_told(stack):
    assert "no service has a `develop: watch:`" in stack.run("watch", code=2).err
