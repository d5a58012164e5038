from pathlib import Path

import pytest

from samplemind_cli.errors import SamplemindError
from samplemind_cli.launching import address_lock, serving
from samplemind_cli.settings import Settings

OPENAPI = {"info": {"title": "samplemind"}}


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path))


@pytest.fixture
def answering(monkeypatch):
    """The URLs at which something says that it is a `serve`."""
    urls = set()
    monkeypatch.setattr(serving, "is_running", urls.__contains__)
    return urls


def test_what_this_user_serves_is_found(settings, answering):
    answering.add(serving.DEFAULT)
    with address_lock.hold(settings.state_dir, "127.0.0.1", 8000):
        assert serving.find(settings, "", pytest.fail) == serving.DEFAULT


def test_who_only_says_that_he_is_a_server_of_ours_gets_neither_prompts_nor_token(settings, answering):
    answering.add(serving.DEFAULT)
    told = []
    assert serving.find(settings, "", told.append) == ""
    assert "was not started by this user" in told[0]


def test_the_carried_stacks_api_is_found_by_what_up_recorded(settings, answering):
    answering.add("http://127.0.0.1:8123")
    assert serving.find(settings, "127.0.0.1:8123", pytest.fail) == "http://127.0.0.1:8123"
    assert serving.find(settings, "127.0.0.1:9", pytest.fail) == ""


def test_a_lock_without_an_answer_is_no_server(settings, answering):  # noqa: ARG001 - nobody answers
    with address_lock.hold(settings.state_dir, "127.0.0.1", 8000):
        assert serving.find(settings, "", pytest.fail) == ""


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("error: no uvloop\nhint: pip install it\n", "no uvloop", "pip install it"),
        ("error: no uvloop\n", "no uvloop", "cat LOG"),
        ("Traceback\nOSError: broken\n", "Traceback\nOSError: broken\n", "cat LOG"),
        ("", "", "cat LOG"),
    ],
)
def test_a_server_that_does_not_start_is_told_in_its_own_words(settings, monkeypatch, said, message, hint):
    monkeypatch.setattr(serving, "OURS", ["sh", "-c", f"printf %s '{said}' >&2; exit 2"])
    log = Path(settings.state_dir, "serve.log")

    with pytest.raises(SamplemindError) as told, serving.start(settings, log):
        pass

    assert told.value.message == f"the server did not start: {message}"
    assert told.value.hint == hint.replace("LOG", str(log))
