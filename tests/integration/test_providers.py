"""A further provider, and a host of one's own, wherever a provider appears."""

import json
import os

import pytest
from parts import warm

pytestmark = pytest.mark.integration


@pytest.fixture
def run(tmp_path):
    def samplemind(*argv, **env):
        return warm.run(warm.samplemind, *argv, cwd=tmp_path, env={**os.environ, **env})

    return samplemind


SENT = "***"  # the mock's record tells no key, only that one came


def asked(hosts):
    """Of the last request: the model, and whether a key came with it."""
    last = hosts.requests[-1]
    return last.body["model"], last.headers["authorization"]


@pytest.mark.parametrize(
    ("argv", "model"),
    [
        (["--provider", "groq"], "openai/gpt-oss-20b"),
        (["-m", "groq/a/b"], "a/b"),
        (["--provider", "my-vllm"], "qwen3"),
        (["--provider", "my-vllm", "-m", "other"], "other"),
        (["-m", "my-vllm/other"], "other"),
    ],
)
def test_ask_asks_it_by_name_with_a_key(run, hosts, argv, model):
    told = run("ask", "hi", "--json", *argv)

    answer = json.loads(told.stdout)
    assert (answer["text"], answer["model"], asked(hosts)) == ("You said: hi", model, (model, SENT))
    assert json.loads(run("ask", "hi", "--json", *argv).stdout)["cached"] == "local"
    assert len(hosts.requests) == 1


def test_it_stands_in_for_those_that_cannot_answer(run, hosts):
    answer = json.loads(run("ask", "hi", "--json").stdout)

    assert (answer["provider"], asked(hosts)[1]) == ("groq", SENT)


def test_a_repeated_answer_is_forgotten_when_its_key_goes(run, hosts):
    run("ask", "hi", "--json")

    assert json.loads(run("ask", "hi", "--json", GROQ_API_KEY="").stdout)["provider"] == "my-vllm"
    assert len(hosts.requests) == 2


def test_a_refused_key_is_named_by_its_variable_and_told_nowhere(run, hosts):
    hosts.behave(faults="auth")

    told = run("ask", "hi", "--provider", "my-vllm")

    assert told.returncode == 4
    assert "export LAB_TOKEN=" in told.stderr
    assert "sk-lab" not in told.stdout + told.stderr


def test_explain_says_where_it_is_and_who_said_so(run, hosts):
    told = json.loads(run("ask", "hi", "--explain", "--json").stdout)

    found = {route["provider"]: (route["url"], route["url_from"]) for route in told["routes"]}
    assert found["groq"] == (f"{hosts.url}/v1", "the environment")
    assert found["my-vllm"][0] == f"{hosts.url}/v1"
    assert found["my-vllm"][1].endswith("config.toml")


@pytest.mark.usefixtures("hosts")
def test_models_hosted_lists_its_models(run):
    told = json.loads(run("models", "--hosted", "--json").stdout)

    found = {host["provider"]: host for host in told["providers"]}
    assert {"groq", "my-vllm", "openai"} <= set(found)
    assert "mistral" not in found  # nobody set it up
    assert all(name.startswith("my-vllm/") for name in found["my-vllm"]["models"])
    assert found["my-vllm"]["models"]
    assert found["openai"] == {**found["openai"], "models": [], "reason": "no key", "fix": "export OPENAI_API_KEY=…"}
    plain = run("models", "--hosted")
    assert set(found["groq"]["models"]) <= set(plain.stdout.split())
    assert "openai: no key: export OPENAI_API_KEY=…" in plain.stderr
    assert "sk-" not in plain.stdout + plain.stderr


def test_doctor_tells_its_key_and_whether_it_listens(run, hosts):
    checks = {check["id"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}

    assert "GROQ_API_KEY: yes" in checks["keys"]["reason"]
    assert "MISTRAL_API_KEY: no" in checks["keys"]["reason"]
    assert (checks["hosts"]["verdict"], checks["hosts"]["reason"]) == ("ok", "my-vllm")
    away = json.loads(run("doctor", "--json", MY_VLLM_BASE_URL="http://127.0.0.1:1").stdout)["checks"]
    told = next(check for check in away if check["id"] == "hosts")
    assert (told["verdict"], told["reason"]) == ("warn", "nothing listens at the URL of my-vllm")
    assert len(hosts.requests) == 0


def test_bench_loads_it(run, hosts):
    told = run("bench", "load", "--provider", "my-vllm", "--seconds", "0.2", "--connections", "1", "--json")

    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["failures"] == 0
    assert asked(hosts)[0] == "qwen3"
