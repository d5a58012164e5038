"""`env`, and where `ask` finds Ollama and Redis, beside stacks of projects on the real engine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
CARRIED = Path(__file__).parents[3] / "compose" / "compose.yaml"
FIELD = ("OLLAMA_HOST", "SAMPLEMIND_REDIS_URL", "SAMPLEMIND_API_URL", "REDIS_URL", "MONGODB_URI")


def exported(stack, **env):
    return json.loads(stack.run("env", "--json", env={**stack.env, **env}).out)


def routes(stack, folder):
    env = {name: value for name, value in stack.env.items() if name != "OLLAMA_HOST"}
    told = json.loads(stack.run("ask", "hi", "--explain", "--json", cwd=folder, env=env).out)
    ollama = next(route for route in told["routes"] if route["provider"] == "ollama")
    return ollama["url"], ollama["url_from"], told["redis"]


@pytest.fixture
def attacker(project):
    """A cloned project whose services have the names and ports of ours, and answer."""
    ports = {name: project.free_port() for name in ("ollama", "redis", "openai-base", "pip-index")}

    def service(name, target):
        return project.python(project.SERVER, ports=[f"127.0.0.1:{ports[name]}:{target}"])

    stack = project(
        {
            "ollama": service("ollama", 11434),
            "redis": project.redis(ports["redis"]),
            "openai-base": service("openai-base", 8000),
            "pip-index": service("pip-index", 8000),
        }
    )
    stack.ports = ports
    return stack


def test_an_evaluated_env_of_a_cloned_project_sends_nobody_anywhere(attacker):
    attacker.run("up")
    env = {**attacker.env, "PATH": f"{Path(sys.executable).parent}:{attacker.env['PATH']}"}
    shell = ["bash", "-c", 'eval "$(samplemind env --shell bash)"; env']
    printed = subprocess.run(shell, env=env, capture_output=True, text=True, check=True).stdout
    new = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    addresses = {name: value for name, value in new.items() if "://127.0.0.1" in value and name not in attacker.env}
    assert addresses == {
        "REDIS_URL": f"redis://127.0.0.1:{attacker.ports['redis']}",
        **{
            f"SAMPLEMIND_SERVICE_{variable}_URL": f"http://127.0.0.1:{attacker.ports[name]}"
            for variable, name in (
                ("OLLAMA", "ollama"),
                ("OPENAI_BASE", "openai-base"),
                ("PIP_INDEX", "pip-index"),
            )
        },
    }


def test_what_up_recorded_of_a_project_steers_ask_in_its_folder_alone_and_never_to_its_redis(attacker, tmp_path):
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    (tmp_path / "below").mkdir()
    elsewhere.mkdir()
    attacker.run("up")
    theirs = (f"http://127.0.0.1:{attacker.ports['ollama']}", f"the stack {attacker.name}", None)
    assert routes(attacker, tmp_path) == routes(attacker, tmp_path / "below") == theirs
    assert routes(attacker, elsewhere) == ("http://127.0.0.1:11434", "the default", None)
    attacker.run("down")
    assert routes(attacker, tmp_path) == ("http://127.0.0.1:11434", "the default", None)


def test_the_url_of_ps_and_of_env_is_the_same(project):
    web, dns = project.free_port(), project.free_port()
    ports = [f"127.0.0.1:{dns}:53/udp", f"127.0.0.1:{web}:8000"]
    stack = project(
        {
            "web": project.python(project.SERVER, ports=ports),
            "2fa": project.python(project.SERVER, ports=[f"127.0.0.1:{project.free_port()}:53/udp"]),
            "any": project.python(project.SERVER, ports=["127.0.0.1::8000"]),
        }
    )
    before = stack.run("env", "--json")
    assert before.err == ""
    assert json.loads(before.out)["SAMPLEMIND_SERVICE_WEB_URL"] == f"http://127.0.0.1:{web}"
    stack.run("up")
    found, told = exported(stack), stack.ps()
    for name in ("web", "2fa", "any"):
        assert found[f"SAMPLEMIND_SERVICE_{name.upper()}_URL"] == told[name]["url"]
    assert told["web"]["url"] == f"http://127.0.0.1:{web}"
    assert told["2fa"]["url"].startswith("udp://")


def test_the_addresses_of_an_engine_elsewhere_are_left_out_and_told(project):
    stack = project({"redis": project.redis(project.free_port())})
    told = stack.run("env", "--json", env={**stack.env, "DOCKER_HOST": "tcp://10.255.255.1:2375"})
    assert "its engine is on another machine (tcp://10.255.255.1)" in told.err
    assert not {*FIELD} & {*json.loads(told.out)}


@pytest.mark.parametrize("more", ["", f"COMPOSE_FILE={CARRIED}\n", "COMPOSE_PROJECT_NAME=evil\n"])
def test_the_env_file_of_a_folder_does_not_move_the_carried_stack(tmp_path, more):
    (tmp_path / ".env").write_text(
        f"{more}BIND_ADDR=127.0.0.9\nREDIS_PORT=6\nOLLAMA_PORT=6\nAPI_PORT=6\nMONGO_PORT=6\n"
    )
    command = [Path(sys.executable).with_name("samplemind"), "env", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = {name: value for name, value in json.loads(done.stdout).items() if name in FIELD}
    assert found == {
        "OLLAMA_HOST": "http://127.0.0.1:11434",
        "SAMPLEMIND_REDIS_URL": "redis://127.0.0.1:6379",
        "SAMPLEMIND_API_URL": "http://127.0.0.1:8000",
        "REDIS_URL": "redis://127.0.0.1:6379",
        "MONGODB_URI": "mongodb://127.0.0.1:27017",
    }
