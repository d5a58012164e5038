import pytest

from samplemind_cli.ai.types import Provider
from samplemind_cli.asking.addresses import in_one_line, redis_address
from samplemind_cli.settings import Settings


def settings(**stack):
    return Settings().changed(stack, "the stack shop")


def test_an_address_is_told_with_who_set_it():
    told = in_one_line(settings(ollama_host="127.0.0.1:5"), Provider.OLLAMA)
    assert told == "; at http://127.0.0.1:5 (the stack shop)"
    assert in_one_line(Settings(), Provider.OPENAI) == "; at https://api.openai.com/v1 (the default)"
    assert in_one_line(Settings(), "embedded") == "; at embedded: (the default)"


def test_the_redis_that_answers_go_to_is_told_without_its_password():
    used = settings(redis_url="redis://me:secret@127.0.0.1:6379/1")
    assert redis_address(used) == "redis://127.0.0.1:6379/1 (the stack shop)"
    assert in_one_line(used, Provider.OLLAMA).endswith("; Redis at redis://127.0.0.1:6379/1 (the stack shop)")


def test_a_password_in_a_providers_address_is_not_shown():
    assert "secret" not in in_one_line(settings(openai_base_url="https://me:secret@host/v1"), Provider.OPENAI)


@pytest.mark.parametrize("more", [{"redis_url": ""}, {"cache": "local"}, {"cache": "off"}, {"redis_url": "nonsense"}])
def test_a_redis_that_is_not_used_is_not_spoken_of(more):
    assert redis_address(settings(**{"redis_url": "redis://h", **more})) == ""


def test_an_address_that_is_none_is_left_to_the_error_that_tells_it():
    assert in_one_line(settings(openai_base_url="nonsense"), Provider.OPENAI) == ""
