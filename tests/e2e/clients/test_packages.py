"""Packages that people use in their programs, before `serve`: whole, streamed, a tool and its result, a schema."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from parts.serving import running

pytestmark = pytest.mark.e2e
PROGRAMS = Path(__file__).with_name("programs.py")
# Environments with the groups `clients` of pyproject.toml: scripts/real_parts makes them.
ENVIRONMENTS = os.environ.get("SAMPLEMIND_TEST_CLIENTS", "")
PACKAGES = {
    "litellm": "litellm",
    "langchain": "langchain_openai",
    "pydantic_ai": "pydantic_ai",
    "llama_index": "llama_index/core",
}
PROVIDERS = ["anthropic", "gemini", "ollama", "openai"]
ALL = {
    "plain": "You said: hi",
    "streamed": "You said: hi",
    "called": ["play", {"note": "mock"}],
    "schema": {"title": "mock", "bpm": 0},
}
MORE = {
    "litellm": {"completion": "You said: hi", "responses": "You said: hi", "anthropic": "You said: hi"},
    "langchain": {"responses": "You said: hi"},
    "pydantic_ai": {"responses": "You said: hi"},
    "llama_index": {"completion": "You said: hi", "completion streamed": "You said: hi"},
}


def python_with(package):
    for folder in filter(None, ENVIRONMENTS.split(":")):
        if any(Path(folder).glob(f"lib/python3*/site-packages/{package}")):
            return Path(folder, "bin", "python")
    return pytest.skip(f"SAMPLEMIND_TEST_CLIENTS names no environment with {package}")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", PACKAGES)
def test_it_gets_what_it_asks_for_from_each_provider(name, provider, mock_server, tmp_path):  # noqa: ARG001
    python = python_with(PACKAGES[name])
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "unused"}
    with running([sys.executable, "-m", "samplemind_cli", "serve"], tmp_path) as url:
        command = [python, PROGRAMS, name, url, f"{provider}/mock"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told.pop("result").startswith("You said:")
    assert told == {**ALL, **MORE[name]}
