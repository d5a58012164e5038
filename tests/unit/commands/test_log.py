"""`samplemind log`."""

import json

import pytest
from typer.testing import CliRunner

from samplemind_cli.cli import app
from samplemind_cli.commands import log
from samplemind_cli.ledger import store
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

CALL = {"at": 1.0, "times": 1, "provider": "openai", "model": "m", "tier": "miss"}


@pytest.fixture
def calls():
    with Ledger(Settings.load()).open() as connection, store.transaction(connection):
        older = {**CALL, "id": "aa", "key": "k1", "prompt": "who\nsleeps"}
        newer = {**CALL, "id": "bb", "key": "k2", "prompt": "who roars", "why": "message 1 differs", "nearest": "k1"}
        store.add(connection, [older, newer, {**newer, "id": "cc", "nearest": "k0"}])


def shown(*words):
    return CliRunner().invoke(app, ["log", *words]).stdout


@pytest.mark.usefixtures("calls")
def test_a_call_shows_why_it_was_not_cached_and_the_nearest_question():
    lines = [line.split(maxsplit=1) for line in shown("bb").splitlines()]

    assert ["why", "message 1 differs"] in lines
    assert ["nearest", "aa who sleeps"] in lines
    assert json.loads(shown("bb", "--json"))["nearest"] == {"key": "k1", "id": "aa", "prompt": "who\nsleeps"}


@pytest.mark.usefixtures("calls")
def test_a_nearest_question_that_is_not_in_the_ledger_is_named_by_its_key():
    assert ["nearest", "k0"] in [line.split() for line in shown("cc").splitlines()]


def test_a_call_that_nobody_could_be_asked_names_no_route():
    call = {"id": "4aa6810f81860925", "at": 0, "command": "ask", "error": "failed", "ms": 0.2, "prompt": "hello"}

    assert log._line(call).endswith(" ask - failed 0 ms hello")
    assert log._line(call | {"provider": "openai", "model": "m"}).endswith(" ask openai/m failed 0 ms hello")
