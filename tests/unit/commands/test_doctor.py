"""`samplemind doctor` on a terminal."""

import pytest

from samplemind_cli import output
from samplemind_cli.commands import doctor
from samplemind_cli.stack.checks import Finding


@pytest.mark.parametrize(("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_verdicts_are_coloured_unless_the_terminal_or_its_user_wants_none(monkeypatch, capsys, variables, colours):
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    doctor._show({"disk": Finding("ok", "much room")})

    assert ("\x1b[" in capsys.readouterr().out) is colours
