"""`up` on the real engine."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytestmark = pytest.mark.e2e


def test_starts_waits_until_healthy_and_tells_the_urls(project):
    port, web = project.free_port(), project.free_port()
    probe = {"test": ["CMD", "python", "-c", project.PROBE], "interval": "1s", "timeout": "5s"}
    stack = project(
        {
            "redis": project.redis(port),
            "web": project.python(
                project.SERVER, ports=[f"127.0.0.1:{web}:8000"], healthcheck=probe, depends_on=["redis"]
            ),
        }
    )
    told = stack.run("up")
    assert f"redis://127.0.0.1:{port}" in told.out
    assert f"http://127.0.0.1:{web}" in told.out
    assert re.search(r"^web: healthy \(\d+\.\d s\)$", told.err, re.MULTILINE)
    assert {name: s["health"] for name, s in stack.ps().items()} == {"redis": "healthy", "web": "healthy"}
    assert stack.recorded()["redis_url"] == f"redis://127.0.0.1:{port}/0"


def test_a_second_up_recreates_nothing(project):
    stack = project({"redis": project.redis(), "once": project.python("print('migrated')")})
    stack.run("up")
    before = stack.ids()
    told = json.loads(stack.run("up", "--json").out)
    assert stack.ids() == before
    assert {s["service"]: s["state"] for s in told["services"]} == {"redis": "running", "once": "exited"}


def test_several_at_once_start_the_project_once_and_all_succeed(project):
    stack = project({"redis": project.redis(), "web": project.python(project.SERVER, depends_on=["redis"])})
    with ThreadPoolExecutor() as pool:
        tables = [told.out for told in pool.map(lambda _: stack.run("up"), range(3))]
    assert all(re.search(r"^web +running", table, re.MULTILINE) for table in tables), tables
    assert len(stack.ids()) == 2


def test_a_service_that_fails_is_told_of_with_probe_log_and_hint_and_the_others_keep_running(project):
    sick = {"test": ["CMD-SHELL", "echo the probe says 500; exit 1"], "interval": "1s", "retries": 1}
    stack = project(
        {
            "redis": project.redis(),
            "crash": project.python("print('reading the url'); print('no url'); raise SystemExit(1)"),
            "sick": project.redis(healthcheck=sick),
        }
    )
    told = stack.run("up", code=3)
    error = told.err[told.err.index("error: ") :]
    assert "crash ended with exit code 1\n  log | reading the url\n  log | no url\n" in error
    assert "sick is unhealthy\n  last probe | the probe says 500\n  log | " in error
    assert error.splitlines()[-1] == "hint: samplemind logs crash sick, fix it, then: samplemind up crash sick"
    assert told.out == ""
    assert stack.ps()["redis"]["health"] == "healthy"


REFUSED = {
    "program": ({"entrypoint": ["nope"]}, "web could not be started: its image has no program nope to run"),
    "cpus": ({"cpus": 999}, "web could not be started: the compose file asks for more CPUs than the engine has"),
    "user": ({"user": "nobodyhere"}, "web could not be started: its image has no user nobodyhere"),
    "env_file": ({"env_file": ["missing.env"]}, "missing.env does not exist"),
    "device": ({"devices": ["/dev/nope"]}, "web could not be started: there is no device /dev/nope"),
    "address": ({"ports": ["6.6.6.6:39999:80"]}, "web could not be started: 6.6.6.6 is not an address"),
    "bind": (
        {"volumes": [{"type": "bind", "source": "./nothing", "target": "/d"}]},
        "nothing does not exist, and a secret, config or volume mounts it",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_engine_refuses_is_told_with_the_service_or_file_and_a_way_on(project, kind):
    more, message = REFUSED[kind]
    stack = project({"web": {"image": "python:3.13-slim", "command": ["sleep", "100"], **more}, "ok": project.redis()})
    told = stack.run("up", "--json", code=3)
    assert re.search(rf"^error: .*{message}", told.err, re.MULTILINE), told.err
    assert re.search(r"^hint: .+", told.err, re.MULTILINE)
    assert message in json.loads(told.out)["error"]["message"]
    stack.write({"ok": project.redis()})


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        (
            {"networks": {"gone": {"external": True}}},
            "the external network gone does not",
            "docker network create gone",
        ),
        ({"volumes": {"gone": {"external": True}}}, "the external volume gone does not", "docker volume create gone"),
        ({"secrets": {"gone": {"file": "./gone"}}}, "web could not be started: .*/gone does not exist", "create it"),
    ],
)
def test_what_is_declared_and_missing_is_named_with_the_command_that_makes_it(project, more, message, hint):
    (kind,) = more
    uses = {"networks": ["gone"], "volumes": ["gone:/d"], "secrets": ["gone"]}[kind]
    stack = project({})
    stack.file.write_text(json.dumps({"services": {"web": project.redis(**{kind: uses})}, **more}))
    error = stack.run("up", code=3).err
    assert re.search(f"error: {message}", error)
    assert f"hint: {hint}" in error
    stack.write({"web": project.redis()})


def test_a_container_name_that_is_taken_is_told_with_its_service(project):
    name = f"smt-{os.getpid()}-taken"
    first = project({"one": project.redis(container_name=name)})
    first.run("up")
    first.file.rename(first.file.with_name("first.json"))
    second = project({"web": project.redis(container_name=name)})
    error = second.run("up", code=3).err
    first.file.with_name("first.json").rename(first.file)
    assert f"web could not be started: another container has the name {name}" in error
    assert f"docker rm {name}" in error


@pytest.mark.parametrize("none", [{"deploy": {"replicas": 0}}, {"scale": 0}])
def test_a_service_scaled_to_nothing_is_done_at_once_and_told_as_such(project, none):
    stack = project({"web": project.redis(), "workers": project.python("", **none)})
    began = time.monotonic()
    told = stack.run("up")
    assert time.monotonic() - began < 30
    assert re.search(r"^workers +scaled to 0", told.out, re.MULTILINE)
    services = json.loads(stack.run("up", "--json").out)["services"]
    assert {s["service"]: s["state"] for s in services} == {"web": "running", "workers": "scaled to 0"}


def test_a_service_that_ran_and_is_scaled_to_nothing_goes_and_the_others_start(project):
    stack = project({"web": project.redis(), "workers": project.redis(scale=2)})
    stack.run("up")
    stack.write({"web": project.redis(environment={"A": "1"}), "workers": project.redis(scale=0)})
    services = json.loads(stack.run("up", "--json").out)["services"]
    assert {s["service"]: s["state"] for s in services} == {"web": "running", "workers": "scaled to 0"}
    assert stack.ps()["workers"]["state"] == "scaled to 0"


def test_an_init_job_that_fails_shows_its_exit_code_and_last_words(project):
    needs = {"migrate": {"condition": "service_completed_successfully"}}
    job = project.python("print('relation exists'); raise SystemExit(4)")
    told = project({"migrate": job, "web": project.redis(depends_on=needs)}).run("up", "--json", code=3)
    assert "error: migrate ended with exit code 4\n  log | relation exists\nhint: samplemind logs migrate" in told.err
    assert json.loads(told.out)["error"]["hint"].startswith("samplemind logs migrate")


def test_a_service_with_a_container_name_is_called_by_its_own(project):
    name = f"smt-{os.getpid()}-db-13"
    code = "import sys; sys.exit('could not open the data folder')"
    stack = project({"db": project.python(code, container_name=name)})
    error = stack.run("up", code=3).err
    assert "db ended with exit code 1\n  log | could not open the data folder\n" in error
    assert stack.run("logs").out == "db       | could not open the data folder\n"
    assert [line.split()[0] for line in stack.run("ps").out.splitlines()] == ["SERVICE", "db"]


def test_the_object_is_printed_when_nothing_can_be_started_too(project):
    stack = project({"redis": project.redis()})
    gone = {**stack.env, "DOCKER_HOST": "unix:///nowhere.sock"}
    told = json.loads(stack.run("up", "--json", code=3, env=gone).out)
    assert (told["project"], told["services"]) == (None, [])
    assert "the Docker daemon does not answer" in told["error"]["message"]


def test_a_service_whose_dependency_fails_is_not_blamed(project):
    sick = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "retries": 1}
    waits = project.redis(depends_on={"sick": {"condition": "service_healthy"}})
    error = project({"sick": project.redis(healthcheck=sick), "waits": waits}).run("up", code=3).err
    assert "error: sick is unhealthy" in error
    assert "waits is" not in error


def test_a_service_that_crashes_again_and_again_is_given_up(project):
    stack = project({"loop": project.python("raise SystemExit('again')", restart="always")})
    assert "loop keeps crashing, the last time with exit code 1" in stack.run("up", code=3).err


def test_a_service_that_takes_too_long_is_told_of_after_the_timeout(project):
    slow = {"test": ["CMD-SHELL", "echo loading; exit 1"], "interval": "1s", "start_period": "60s"}
    error = project({"slow": project.redis(healthcheck=slow)}).run("up", "--timeout", "2", code=3).err
    assert "error: slow is not ready after 2 s\n  last probe | loading" in error


def test_without_waiting_the_health_is_not_awaited(project):
    slow = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "start_period": "60s"}
    told = json.loads(project({"slow": project.redis(healthcheck=slow)}).run("up", "--no-wait", "--json").out)
    assert [s["health"] for s in told["services"]] == ["starting"]


def test_a_taken_port_names_the_program_before_anything_starts(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = project({"redis": project.redis(port), "other": project.redis()})
        told = stack.run("up", code=3)
        assert re.search(rf"redis needs port {port}, which \S+ \(process {os.getpid()}\) uses", told.err)
        assert "--auto-ports" in told.err
        assert stack.ids() == set()


def test_a_taken_port_names_the_container_and_its_project(project):
    port = project.free_port()
    stack = project({"first": project.redis(port), "second": project.redis(port)})
    stack.run("up", "first")
    assert f"service first of project {stack.name} (container {stack.name}-first-1)" in stack.run("up", code=3).err


def test_free_ports_are_chosen_and_remembered_until_down(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = project({"redis": project.redis(port)})
        stack.run("up", "--auto-ports")
        url = stack.ps()["redis"]["url"]
        assert url != f"redis://127.0.0.1:{port}"
        assert stack.recorded()["redis_url"] == f"{url}/0"
        before = stack.ids()
        stack.run("up")
        assert stack.ids() == before
    stack.run("down")
    assert list(stack.record.parent.iterdir()) == []
    stack.run("up")
    assert stack.ps()["redis"]["url"] == f"redis://127.0.0.1:{port}"


class Ollama(BaseHTTPRequestHandler):
    """As much of a native Ollama as is asked for."""

    def do_GET(self):
        body = {"/api/version": {"version": "0.17.4"}, "/api/ps": {"models": []}}[self.path]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def native_ollama():
    with HTTPServer(("127.0.0.1", 0), Ollama) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_native_ollama_is_adopted_instead_of_started_twice(project, native_ollama):
    ollama = {"image": "ollama/ollama:0.17.4", "ports": [f"127.0.0.1:{native_ollama}:11434"]}
    stack = project({"ollama": ollama, "redis": project.redis(depends_on=["ollama"])})
    told = stack.run("up")
    assert f"Ollama 0.17.4 already runs on 127.0.0.1:{native_ollama}" in told.err
    services = stack.ps()
    assert services["ollama"]["state"] == "adopted"
    assert services["ollama"]["details"] == {"models": []}
    assert services["redis"]["health"] == "healthy"
    assert stack.recorded()["ollama_host"] == f"127.0.0.1:{native_ollama}"
    assert "ollama needs port" in stack.run("up", "--no-adopt", code=3).err
    stack.run("up", "ollama")
    assert "ollama" not in stack.compose("ps", "--all", "--services").split()


def test_a_service_killed_while_others_start_is_told_of(project):
    slow = {"test": ["CMD-SHELL", "test -e /tmp/go"], "interval": "1s", "start_period": "60s"}
    stack = project({"victim": project.redis(), "slow": project.redis(healthcheck=slow)})
    with stack.start("up") as up:
        for line in up.stderr:
            if line.startswith("victim: healthy"):
                stack.compose("kill", "victim")
                stack.compose("exec", "-T", "slow", "touch", "/tmp/go")
                break
        assert "victim ended with exit code 137" in up.communicate(timeout=60)[1]
    assert up.returncode == 3


def test_ctrl_c_ends_it_and_leaves_no_process(project):
    slow = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "start_period": "60s"}
    stack = project(
        {
            "slow": project.redis(healthcheck=slow),
            "waits": project.redis(depends_on={"slow": {"condition": "service_healthy"}}),
        }
    )
    with stack.start("up") as up:
        assert up.stderr.readline().startswith("stack: ")
        assert up.stderr.readline().startswith("slow: ")
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=30)
    assert up.returncode == 130
    assert stack.processes() == []


def test_a_terminal_of_40_columns_gets_a_board_that_fits_and_leaves_no_trace(project):
    stack = project({"redis": project.redis()})
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "40"], stdin=theirs, check=True)
    with stack.start("up", stderr=theirs, env={**stack.env, "TERM": "xterm", "COLUMNS": "40"}) as up:
        os.close(theirs)
        drawn = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                drawn += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        assert up.wait(30) == 0
    frames = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"\r\n", drawn).decode().splitlines()
    assert any("healthy" in line for line in frames)
    board = [line for line in frames if not line.startswith("stack: ")]  # a path is as long as it is
    assert max(map(len, board)) <= 40
    assert drawn.rstrip().endswith(b"\x1b[2K")


def test_an_image_that_cannot_be_pulled_is_one_clear_error(project):
    stack = project({"redis": project.redis(image="127.0.0.1:1/nobody/nothing:1"), "other": project.redis()})
    error = stack.run("up", code=3).err
    assert "error: the image 127.0.0.1:1/nobody/nothing:1 is not on this machine, and its registry cannot be" in error
    assert "hint: " in error
    assert "Traceback" not in error


def test_an_unknown_service_and_a_broken_file_are_errors(project):
    stack = project({"redis": project.redis()})
    assert "nope" in stack.run("up", "nope", code=2).err
    stack.write({"redis": {"image": 3}})
    assert "the compose file is broken" in stack.run("up", code=3).err
    stack.write({"redis": project.redis()})


def test_without_a_daemon_or_a_client_it_says_so(project):
    stack = project({"redis": project.redis()})
    gone = {**stack.env, "DOCKER_HOST": "unix:///nowhere.sock"}
    for command in ("up", "down", "ps", "logs"):
        assert "the Docker daemon does not answer" in stack.run(command, code=3, env=gone).err
        assert "Docker is not installed" in stack.run(command, code=3, env={**stack.env, "PATH": "/nowhere"}).err


def test_up_is_quick_to_answer_when_there_is_nothing_to_do(project):
    stack = project({"redis": project.redis()})
    stack.run("up")
    began = time.monotonic()
    stack.run("up")
    assert time.monotonic() - began < 10
