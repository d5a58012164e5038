"""The hot path and the slow path print the same: random questions, asked both ways."""

import json
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samplemind_cli import cli, hot

pytestmark = pytest.mark.integration
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(CHARACTERS, min_size=1, max_size=30).filter(str.strip)
OPTIONS = st.lists(
    st.sampled_from(
        [
            ("--json",),
            ("-v",),
            ("--raw",),
            ("--task", "creative"),
            ("--priority", "quality"),
            ("--provider", "openai"),
            ("--model", "gemini-x"),
            ("--system", "Be brief."),
            ("--temperature", "0.5"),
            ("--max-tokens", "99"),
            ("--ttl", "1000"),
            ("--timeout", "20"),
            ("--no-fallback",),
            ("--no-cache",),
            ("--refresh",),
            ("--explain",),
        ]
    ),
    max_size=4,
    unique_by=lambda option: option[0],
).map(lambda options: [word for option in options for word in option])


@pytest.fixture
def ask(mock_server, capfdbinary):  # noqa: ARG001 - sets the environment
    """Ask as the command line does: (exit code, stdout, stderr), with the call's own milliseconds masked."""

    def one(argv, piped, *, hot_only=False):
        question = hot.Question(argv, os.environ)
        question._stdin = piped
        code = (0 if question.answer() else None) if hot_only else cli.run(["ask", *argv], question)
        printed = capfdbinary.readouterr()
        return code, *(re.sub(rb'("latency_ms": |, )\d+\.\d(}| ms)', rb"\1_\2", part) for part in printed)

    return one


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=OPTIONS, prompt=TEXT, piped=st.binary(max_size=20).filter(lambda piped: b"\0" not in piped))
def test_the_hot_path_prints_what_the_slow_path_prints(ask, options, prompt, piped):
    argv = [*options, "--", prompt]
    first = ask(argv, piped)
    slow = ask(argv, piped)
    quick = ask(argv, piped, hot_only=True)

    declined = (None, b"", b"")
    if first[0] or {"--no-cache", "--refresh", "--explain"} & set(options):
        assert quick == declined
    elif "--ttl" in options:  # an entry of an earlier question may get too old before it expires
        assert quick in (slow, declined)
    else:
        assert quick == slow


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=TEXT, piped=st.binary(max_size=9), option=OPTIONS.filter(len))
def test_whatever_changes_the_answer_makes_it_another_question(ask, monkeypatch, prompt, piped, option):
    assert ask(["--", prompt], piped)[0] == 0

    assert ask([*option, "--", prompt], piped, hot_only=True)[0] is None
    assert ask(["--", prompt], piped + b"!", hot_only=True)[0] is None
    with monkeypatch.context() as changed:
        changed.setenv("SAMPLEMIND_OLLAMA_MODEL", "another")
        assert ask(["--", prompt], piped, hot_only=True)[0] is None


def test_a_refreshed_answer_replaces_the_old_one_for_every_way_of_asking(ask, mock_server):
    ask(["hi"], b"")
    ask(["hi", "--json"], b"")
    mock_server.behave(reply="another")
    ask(["hi", "--refresh"], b"")

    assert ask(["hi"], b"", hot_only=True)[0] is None
    assert ask(["hi"], b"")[1] == b"another\n"
    assert json.loads(ask(["hi", "--json"], b"")[1].replace(b"_", b"1"))["text"] == "another"


def test_an_answer_that_is_cleared_is_asked_anew(ask, mock_server):
    ask(["hi"], b"")
    assert cli.run(["cache", "clear", "--yes"]) == 0

    assert ask(["hi"], b"", hot_only=True)[0] is None
    ask(["hi"], b"")
    assert len(mock_server.requests) == 2


def test_an_answer_of_a_stand_in_holds_until_the_first_choice_is_there(ask, mock_server, monkeypatch, unused_port):
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{unused_port}")
    code, out, _ = ask(["hi", "--json"], b"")
    assert (code, json.loads(out.replace(b"_", b"1"))["provider"]) == (0, "gemini")
    assert ask(["hi", "--json"], b"", hot_only=True)[0] == 0

    with type(mock_server)(port=unused_port):
        assert ask(["hi", "--json"], b"", hot_only=True)[0] is None


def test_an_answer_of_a_stand_in_for_one_that_failed_is_not_remembered(ask, mock_server):
    mock_server.behave(faults=["ollama/500"])
    assert ask(["hi"], b"")[0] == 0

    assert ask(["hi"], b"", hot_only=True)[0] is None


def test_an_entry_that_will_be_too_old_before_it_expires_is_not_remembered(ask, mock_server):
    ask(["hi"], b"")
    ask(["hi", "--ttl", "1000"], b"")

    assert len(mock_server.requests) == 1
    assert ask(["hi", "--ttl", "1000"], b"", hot_only=True)[0] is None


def test_a_changed_schema_file_is_another_question(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(hot, "RACY", 0.0)
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}')
    argv = ["hi", "--schema", str(schema)]
    assert ask(argv, b"")[0] == 0
    assert ask(argv, b"", hot_only=True)[0] == 0

    schema.write_text('{"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}')

    assert ask(argv, b"", hot_only=True)[0] is None
    assert b'"b"' in ask(argv, b"")[1]


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
