import pytest

from samplemind_cli.ai.http_client import UnavailableError
from samplemind_cli.ai.reasons import passed_over
from samplemind_cli.ai.types import Endpoint, Fault, Route
from samplemind_cli.providers import TABLE


@pytest.mark.parametrize(
    ("provider", "kind", "fix"),
    [
        ("ollama", None, "samplemind up ollama"),
        ("openai", None, "check the network and OPENAI_BASE_URL"),
        ("embedded", None, "ask again, or choose another --provider"),
        ("ollama", "address", "check the network and OLLAMA_HOST"),
        ("ollama", "auth", "check the network and OLLAMA_HOST"),
        ("embedded", "auth", "ask again, or choose another --provider"),
        ("embedded", "address", "ask again, or choose another --provider"),
        ("groq", "auth", "export GROQ_API_KEY=…"),
        ("anthropic", "address", "check the network and ANTHROPIC_BASE_URL"),
        ("ollama", "server", "ask again; a model that hangs is freed by: ollama stop m"),
        ("openai", "server", "ask again, or choose another --provider"),
        ("ollama", "not_found", "samplemind pull-models m"),
        ("openai", "not_found", "choose another --model, or check OPENAI_BASE_URL"),
    ],
)
def test_what_would_help_depends_on_who_was_not_reached(provider, kind, fix):
    error = UnavailableError("no answer", fault=Fault(kind, "no answer") if kind else None)

    assert passed_over(Route(provider, Endpoint("http://host", "m")), error, TABLE[provider]).fix == fix
