import errno
import importlib
import io
import re
import sys

import pytest

from samplemind_cli import __main__, __version__, cli
from samplemind_cli.cli import COMMANDS
from samplemind_cli.errors import NoProviderError, ProviderError, SamplemindError, StackError, UsageError


def run(capsys, *argv):
    code = cli.run(list(argv))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def own_help(name):
    """The first paragraph of a command's own help."""
    module = importlib.import_module(f"samplemind_cli.commands.{name.replace('-', '_')}")
    app = getattr(module, "app", None)
    text = (app.info.help if app else None) or getattr(module, name.replace("-", "_")).__doc__
    return re.split(r"\n\s*\n|\n", text.strip())[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_tables_line_is_the_first_of_the_commands_own_help(name):
    assert own_help(name) == COMMANDS[name]


@pytest.mark.parametrize("columns", ["40", "80"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_that_fits_the_terminal(capsys, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run(capsys, name, "--help")

    assert code == 0
    before, examples, after = re.split(r"(Examples?:\n(?:  .*\n)+)", out, maxsplit=1)
    assert f"samplemind {name}" in examples
    prose = [line for line in (before + after).splitlines() if not re.match(r"  --?\S+( \S+)*$", line)]  # bare options
    assert max(map(len, prose)) <= int(columns)


def commands(command, *words):
    """A command and those below it, each with its words."""
    yield words, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, *words, name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_placeholder_in_help_is_a_word_that_says_what_goes_in_or_the_choices(capsys, name):
    for words, _ in commands(cli.command(name), name):
        out = run(capsys, *words, "--help")[1]
        placeholders = re.findall(r"<[a-z -]+>", re.sub(r"<[\w\s-]+(\|[\w\s-]+)+>", "", out))

        assert (words, placeholders) == (words, [])
        assert '\\"' not in out


@pytest.mark.parametrize("columns", ["40", "80"])
def test_the_root_help_lists_every_command_in_order_and_fits(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run(capsys, "--help")
    listed = out[out.index("Commands:") :]

    assert code == 0
    assert re.findall(r"^  ([a-z][\w-]*)", listed, re.MULTILINE) == list(COMMANDS)
    assert max(map(len, out.splitlines())) <= int(columns)


def test_an_unknown_command_suggests_the_nearest(capsys):
    code, out, err = run(capsys, "aks")

    assert (code, out) == (2, "")
    assert "Did you mean 'ask'?" in err
    assert "hint: samplemind --help" in err


def test_without_a_command_the_help_is_shown_and_the_code_says_usage(capsys):
    code, out, err = run(capsys)

    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_the_version_is_printed(capsys):
    assert run(capsys, "--version") == (0, f"samplemind {__version__}\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SamplemindError("m", "h"), 1),
        (UsageError("m", "h"), 2),
        (StackError("m", "h"), 3),
        (ProviderError("m", "h"), 4),
        (NoProviderError("m", "h"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code_and_says_what_to_type_next(capsys, monkeypatch, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(cli, "_invoke", fail)

    assert run(capsys, "ask")[:2] == (code, "")
    if code != 130:
        monkeypatch.undo()
        monkeypatch.setattr(cli, "_invoke", fail)
        assert run(capsys, "ask")[2] == "error: m\nhint: h\n"


def test_what_others_write_is_utf_8_whatever_the_locale_says(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(cli, "_invoke", lambda *_: sys.stdout.write("⠋ä\ud800"))

    cli.run([])
    stream.flush()

    assert stream.buffer.getvalue() == "⠋ä?".encode()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "full"), "the disk is full: [Errno 28] full"),
        (OSError(errno.EFBIG, "large"), "the disk is full: [Errno 27] large"),
        (OSError(errno.EBADF, "bad"), "cannot write to stdout: [Errno 9] bad"),
        (OSError(errno.ENOENT, "No usable temporary directory found in …"), "there is no folder for temporary files"),
    ],
)
def test_what_cannot_be_written_is_no_bug(capfd, monkeypatch, error, message):
    def fail(_argv, _question):
        raise error

    monkeypatch.setattr(cli, "_invoke", fail)
    monkeypatch.setattr(cli, "_abandon_stdout", lambda: None)

    assert cli.run([]) == 1
    assert capfd.readouterr().err.startswith(f"error: {message}\nhint: ")


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_invoke", fail)

    with pytest.raises(ZeroDivisionError):
        cli.run(["ask"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("as", {"ask"}),
        ("ask --prov", {"--provider"}),
        ("ask --task ", {"genre", "audio", "creative", "factual", "tools"}),
        ("ask --priority ", {"speed", "quality", "cost"}),
        ("ask --provider ", {"ollama", "gemini", "anthropic", "openai", "embedded"}),
    ],
)
def test_completion_knows_commands_options_and_their_values(capsys, monkeypatch, words, expected):
    monkeypatch.setenv("_SAMPLEMIND_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"samplemind {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))

    with pytest.raises(SystemExit):
        cli.run([])

    assert expected <= set(capsys.readouterr().out.split())


def interrupted_while_a_class_is_made():
    class Rude:
        def __set_name__(self, *_):
            raise KeyboardInterrupt

    type("Made", (), {"field": Rude()})


def test_ctrl_c_while_a_class_is_made_ends_as_any_other(monkeypatch):
    monkeypatch.setattr(__main__, "_main", interrupted_while_a_class_is_made)
    with pytest.raises(SystemExit) as end:
        __main__.main()

    assert end.value.code == 130


def test_a_bug_is_not_taken_for_ctrl_c(monkeypatch):
    def broken():
        raise RuntimeError("a bug")

    monkeypatch.setattr(__main__, "_main", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        __main__.main()
