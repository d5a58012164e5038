import pytest

from samplemind_cli import cli
from samplemind_cli.commands.logs import _as_json, _renderer
from samplemind_cli.stack.logs import LogLine

LINE = LogLine("web", 1, "2026-11-22T20:40:29.007304447Z", "error", "went wröng")


def test_help_has_an_example(capfd):
    assert cli.run(["logs", "--help"]) == 0
    assert "samplemind logs -f --level warning" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("option", "reason"), [("--grep=(", "not a valid regular expression"), ("--level=loud", "loud")]
)
def test_a_wrong_option_is_a_usage_error(option, reason, capfd):
    assert cli.run(["logs", option]) == 2
    assert reason in capfd.readouterr().err


def test_a_pipe_gets_plain_aligned_lines():
    shown = _renderer(timestamps=False)
    assert shown(LINE) == "web      | went wröng\n"
    assert shown(LogLine("a-long-service", 2, "", "info", "x")) == "a-long-service-2 | x\n"
    assert shown(LINE) == "web              | went wröng\n"
    assert _renderer(timestamps=True)(LINE) == "2026-11-22T20:40:29.007 web      | went wröng\n"


def test_json_is_an_object_per_line():
    assert _as_json(LINE) == (
        '{"service": "web", "number": 1, "time": "2026-11-22T20:40:29.007304447Z", "level": "error", '
        '"message": "went wröng"}\n'
    )
