"""`models` and `pull-models` as a user runs them, against a real daemon and a scripted registry."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from parts import warm
from parts.gguf import tiny
from parts.registry import Fault

pytestmark = pytest.mark.integration
MB = 1_000_000
CONFIG = {"model_format": "gguf", "model_family": "llama", "model_type": "3K", "file_type": "F32"}
COMMAND = [sys.executable, "-m", "samplemind_cli"]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def samplemind(project):
    """Runs the command in the project's folder, against the daemon at `url`."""

    def run(*arguments, url):
        done = warm.run(warm.samplemind, *arguments, env={**os.environ, "OLLAMA_HOST": url}, cwd=project)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def of(project, *models):
    (project / "samplemind.toml").write_text(f"models = {json.dumps(models)}\nollama_model = {json.dumps(models[0])}\n")


@pytest.fixture
def one(registry, project):
    """A project that wants one small model, which can be loaded; the model's name."""
    name = registry.add("one", tiny(), config=CONFIG)
    of(project, name)
    return name


def test_a_models_life(real_daemon, one, samplemind, project):
    url = real_daemon.url
    before = json.loads(samplemind("models", "--json", url=url).stdout)["models"]
    assert [(m["name"], m["installed"], m["wanted"]) for m in before] == [(one, False, True)]
    assert samplemind("pull-models", "--check", url=url).returncode == 1

    pulled = samplemind("pull-models", "--insecure", "--json", url=url)
    assert pulled.returncode == 0, pulled.stderr
    (told,) = json.loads(pulled.stdout)["models"]
    assert (told["name"], told["status"], told["error"]) == (one, "pulled", None)
    assert "to download" in pulled.stderr
    assert json.loads((project / "models.lock").read_text())["models"] == {one: told["digest"]}
    assert samplemind("pull-models", "--check", url=url).returncode == 0

    warmed = samplemind("models", "warm", one, "--keep", "5m", url=url)
    assert (warmed.returncode, warmed.stdout) == (0, "")
    (running,) = json.loads(samplemind("models", "--running", "--json", url=url).stdout)["models"]
    assert running["loaded"]["size"] > 0
    assert {"genre", "factual", "tools"} <= set(running["tasks"])
    assert "for ever" not in samplemind("models", url=url).stdout
    assert samplemind("models", "stop", one, url=url).returncode == 0
    assert samplemind("models", "--running", url=url).stdout == ""
    assert "no model is in memory" in samplemind("models", "--running", url=url).stderr

    shown = samplemind("models", "show", one, url=url).stdout
    assert "context:      512 tokens" in shown
    assert "llama" in json.loads(samplemind("models", "show", one, "--json", url=url).stdout)["details"]["family"]

    refused = samplemind("models", "rm", one, url=url)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert samplemind("models", "rm", one, "--yes", url=url).returncode == 0
    assert real_daemon.manifests() == []


@pytest.mark.usefixtures("one")
def test_present_models_are_done_without_a_word_to_the_registry(real_daemon, samplemind, registry):
    samplemind("pull-models", "--insecure", url=real_daemon.url)
    registry.asked.clear()
    done = samplemind("pull-models", "--json", url=real_daemon.url)
    assert json.loads(done.stdout)["models"][0]["status"] == "present"
    assert registry.asked == []


def test_an_alias_is_told(real_daemon, samplemind):
    done = samplemind("pull-models", "phi3.5:mini", "--dry-run", "--json", url=real_daemon.url)
    assert "phi3.5:mini is called phi3.5:3.8b-mini-instruct-q4_K_M" in done.stderr
    assert json.loads(done.stdout)["models"][0]["name"] == "phi3.5:3.8b-mini-instruct-q4_K_M"


@pytest.mark.usefixtures("one")
def test_a_dry_run_pulls_nothing(real_daemon, samplemind, registry):
    done = samplemind("pull-models", "--dry-run", "--insecure", "--json", url=real_daemon.url)
    plan = json.loads(done.stdout)
    assert plan["models"][0]["status"] == "missing"
    assert plan["bytes"] == sum(map(len, registry.blobs.values()))
    assert (registry.sent, real_daemon.manifests()) == ({}, [])


def test_the_model_that_failed_is_named_and_the_other_is_there(real_daemon, registry, samplemind, project):
    good, bad = registry.add("good", tiny(), config=CONFIG), registry.name("nosuch")
    of(project, bad, good)
    done = samplemind("pull-models", "--insecure", "--json", url=real_daemon.url)
    assert done.returncode == 4
    assert [m["status"] for m in json.loads(done.stdout)["models"]] == ["failed", "pulled"]
    assert f"error: there is no model {bad}" in done.stderr
    assert "hint: " in done.stderr


def test_too_little_room_is_said_before_the_first_byte_and_force_goes_on(real_daemon, registry, samplemind, project):
    name = registry.add("huge", tiny(), config=CONFIG)
    of(project, name)
    manifest = json.loads(registry.manifests["library/huge/latest"])
    manifest["layers"][0]["size"] = 10**16  # what it says, not what it serves
    registry.manifests["library/huge/latest"] = json.dumps(manifest).encode()
    done = samplemind("pull-models", "--insecure", url=real_daemon.url)
    assert (done.returncode, registry.sent) == (4, {})
    assert "of memory, this machine has" in done.stderr
    assert "--force" in done.stderr
    assert samplemind("pull-models", "--insecure", "--force", url=real_daemon.url).returncode == 0


def test_a_changed_registry_drifts_from_the_lock_until_update(real_daemon, one, samplemind, registry, project):
    url = real_daemon.url
    samplemind("pull-models", "--insecure", url=url)
    locked = (project / "models.lock").read_text()
    registry.add("one", tiny() + b"new", config=CONFIG)
    samplemind("models", "rm", one, "--yes", url=url)

    again = samplemind("pull-models", "--insecure", url=url)
    assert again.returncode == 0
    assert "is not the one in models.lock" in again.stderr
    assert (project / "models.lock").read_text() == locked
    check = samplemind("pull-models", "--check", "--json", url=url)
    assert (check.returncode, json.loads(check.stdout)["models"][0]["status"]) == (1, "drifted")

    assert samplemind("pull-models", "--insecure", "--update", url=url).returncode == 0
    assert samplemind("pull-models", "--check", url=url).returncode == 0


def test_ctrl_c_keeps_what_came_and_says_so(real_daemon, registry, project):
    name = registry.add("slow", b"x" * 20 * MB)
    of(project, name)
    registry.rate = 5 * MB
    env = {**os.environ, "OLLAMA_HOST": real_daemon.url}
    running = subprocess.Popen(
        [*COMMAND, "pull-models", "--insecure"], env=env, cwd=project, stderr=subprocess.PIPE, text=True
    )
    (layer,) = registry.blobs
    registry.wait_for(layer, 3 * MB)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "what was downloaded is kept" in said
    assert "Traceback" not in said
    assert real_daemon.manifests() == []
    registry.rate = 0
    assert subprocess.run([*COMMAND, "pull-models", "--insecure"], env=env, cwd=project, check=False).returncode == 0
    assert registry.ranges[layer][-1] > MB


def test_a_registry_that_fails_at_first_is_told_and_asked_again(real_daemon, registry, samplemind, project):
    name = registry.add("one", b"x" * 3 * MB)
    of(project, name)
    registry.manifest_status["library/one/latest"] = Fault(status=503, times=2)
    done = samplemind("pull-models", "--insecure", url=real_daemon.url)
    assert done.returncode == 0
    assert "trying again" in done.stderr


@pytest.mark.parametrize("command", [["models"], ["models", "warm", "x"], ["pull-models"], ["pull-models", "--check"]])
def test_a_daemon_that_is_not_there_is_one_clear_error(samplemind, command):
    done = samplemind(*command, url="127.0.0.1:9")
    assert (done.returncode, done.stdout) == (4, "")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert errors == ["error: no Ollama daemon answers at http://127.0.0.1:9"]
    assert "ollama serve" in done.stderr


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", "is not Ollama"),
        (b'{"version": "0.1.20"}', "is 0.1.20; samplemind needs 0.5 or newer"),
        (b"[]", "is not Ollama"),
    ],
)
def test_a_wrong_address_and_an_old_daemon_are_told(samplemind, body, error):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/api/version":
                time.sleep(0.1)  # whatever else is asked has been answered by now
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        done = samplemind("models", url=f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert done.returncode == 4
    assert error in done.stderr


def test_a_model_that_is_not_there_is_told_with_the_next_command(real_daemon, samplemind):
    for command in (
        ["models", "show", "x"],
        ["models", "warm", "x"],
        ["models", "stop", "x"],
        ["models", "rm", "x", "--yes"],
    ):
        done = samplemind(*command, url=real_daemon.url)
        assert (done.returncode, "samplemind pull-models x:latest" in done.stderr) == (4, True), done.stderr


def test_a_closed_pipe_ends_the_list_quietly(real_daemon, project):
    env = {**os.environ, "OLLAMA_HOST": real_daemon.url}
    done = subprocess.run(
        f"{' '.join(COMMAND)} models --json | true", shell=True, env=env, cwd=project, capture_output=True, check=False
    )
    assert done.stderr == b""
