"""Which models completion offers."""

import pytest

from samplemind_cli.ai import http_client
from samplemind_cli.asking.complete import installed_models
from samplemind_cli.settings import Settings


@pytest.fixture
def daemon(monkeypatch):
    """A daemon that has models of these names."""

    def has(*names):
        async def answer(*_args, **_options):
            return {"models": [{"name": name} for name in names]}

        monkeypatch.setattr(http_client, "make_ai_request", answer)

    return has


def test_installed_models_are_offered(daemon):
    daemon("llama3.2:3b-instruct-q8_0", "hf.co/Team/Model_1.GGUF:Q4_K_M")

    assert installed_models(Settings()) == ["llama3.2:3b-instruct-q8_0", "hf.co/Team/Model_1.GGUF:Q4_K_M"]


@pytest.mark.parametrize("name", ["$(id)", "a;id", "a`id`", "a b", "-rf", "a\nb", "a'b", "\x1b]0;x\x07", "", "a\u202e"])
def test_a_name_that_a_shell_would_run_is_not_offered(daemon, name):
    daemon("tiny", name)

    assert installed_models(Settings()) == ["tiny"]


def test_an_answer_that_is_none_offers_nothing(daemon):
    daemon(5)

    assert installed_models(Settings()) == []
