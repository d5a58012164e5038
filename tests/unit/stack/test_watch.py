import sys

import pytest

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.stack import watch as module
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.watch import watchable, watched

WATCHED = {"develop": {"watch": [{"action": "sync", "path": "."}]}}


def test_the_services_that_declare_it_are_watched():
    declared = {"services": {"web": WATCHED, "api": WATCHED, "db": {}, "x": {"develop": None}}}
    assert watchable(declared, []) == ["web", "api"]
    assert watchable(declared, ["api"]) == ["api"]
    with pytest.raises(UsageError, match="db has no `develop: watch:`") as raised:
        watchable(declared, ["api", "db"])
    assert "web, api" in raised.value.hint


def test_a_stack_that_declares_nothing_to_watch_is_told():
    with pytest.raises(UsageError, match="no service has a `develop: watch:`"):
        watchable({"services": {"db": {}}}, [])


@pytest.fixture
def _compose(monkeypatch):
    program = r"import sys; print('\x1b[2K\n\x1b[2KWatch enabled', flush=True); sys.exit('no such service: web')"
    monkeypatch.setattr(module, "compose_command", lambda *_: [sys.executable, "-c", program])


@pytest.mark.usefixtures("_compose")
def test_compose_s_words_come_without_terminal_codes_and_its_failure_is_ours():
    lines = watched(Stack(files=()), ["web"], start=True)
    assert next(lines) == "Watch enabled"
    with pytest.raises((StackError, UsageError), match="no such service"):
        list(lines)
