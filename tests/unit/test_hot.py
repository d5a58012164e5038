import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli import hot, paths
from samplemind_cli.providers import ROWS
from samplemind_cli.settings import CONVENTIONS, KEYS


@pytest.fixture
def question(tmp_path):
    def ask(*argv, piped=b"", **env):
        asked = hot.Question(list(argv), {"HOME": str(tmp_path), **env})
        asked._stdin = piped
        return asked

    return ask


@pytest.fixture
def kept():
    """Keep a record for a question."""

    def keep(asked, out=b"out\n", err=b"", conditions=(), expires=None):
        Path(asked.folder).mkdir(parents=True)
        Path(asked.record).write_bytes(hot.encoded(expires or time.time() + 100, out, err, conditions))
        return asked

    return keep


@given(st.binary(), st.binary(), st.lists(st.binary(min_size=1).filter(lambda x: b"\n" not in x)), st.binary())
def test_a_record_comes_back_as_it_was_written(out, err, conditions, call):
    raw = hot.encoded(12.5, out, err, conditions, call)

    assert hot._parsed(raw) == (12.5, out, err, conditions, call)


@given(st.binary())
def test_a_foreign_record_is_no_record(raw):
    with pytest.raises(ValueError, match=r".*"):
        hot._parsed(raw)


@given(st.integers(min_value=0, max_value=60))
def test_a_truncated_record_is_no_record(length):
    raw = hot.encoded(12.5, b"o" * 20, b"e" * 10, [b"same 1.2.3 /file"])

    with pytest.raises(ValueError, match=r".*"):
        hot._parsed(raw[:length])


def test_a_repeated_question_is_printed_again(question, kept, capfdbinary):
    kept(question("hi"), out=b"an answer\n", err=b"told\n")

    assert question("hi").answer()
    assert capfdbinary.readouterr() == (b"an answer\n", b"told\n")


def test_the_mark_becomes_this_calls_milliseconds(question, kept, capfdbinary):
    kept(question("hi"), out=b'{"latency_ms": \0}\n')

    assert question("hi").answer()
    assert 0 <= float(capfdbinary.readouterr().out[15:-2]) < 10_000


@pytest.mark.parametrize(
    "other",
    [
        lambda q: q("ho"),
        lambda q: q("hi", "--json"),
        lambda q: q("hi", piped=b"x"),
        lambda q: q("hi", OLLAMA_HOST="127.0.0.1:1"),
        lambda q: q("hi", SAMPLEMIND_CACHE="off"),
        lambda q: q("hi", OPENAI_API_KEY="k"),
        lambda q: q("hi", NO_COLOR="1"),
    ],
)
def test_another_question_is_not_answered(question, kept, other):
    kept(question("hi"))

    assert not other(question).answer()


def test_of_a_key_it_counts_only_that_it_is_there(question):
    assert question("hi", OPENAI_API_KEY="a").folder == question("hi", OPENAI_API_KEY="b").folder


def test_a_variable_that_has_no_say_changes_nothing(question):
    assert question("hi", SHLVL="1").folder == question("hi", SHLVL="2").folder


def test_every_variable_that_settings_read_has_a_say():
    read = {variable for names in CONVENTIONS.values() for variable in names}

    keys = {variable for name in KEYS for variable in CONVENTIONS[name]}

    assert {variable for variable in read - keys if not variable.endswith(hot.URLS)} <= set(hot.VARIABLES)
    assert all(variable.endswith(hot.KEYS) for variable in keys)
    assert not any(variable.endswith(hot.KEYS) for variable in read - keys)


@pytest.mark.parametrize("variable", [row.key_variables[0] for row in ROWS if row.key_variables] + ["MY_VLLM_TOKEN"])
def test_a_key_that_is_set_makes_it_another_question(question, variable):
    assert question("hi", **{variable: "a"}).folder != question("hi").folder
    assert question("hi", **{variable: "a"}).folder == question("hi", **{variable: "b"}).folder
    assert question("hi", **{variable: ""}).folder == question("hi").folder


@pytest.mark.parametrize("variable", [*(v for row in ROWS for v in row.url_variables), "MY_VLLM_BASE_URL"])
def test_another_address_of_a_provider_makes_it_another_question(question, variable):
    assert question("hi", **{variable: "http://a"}).folder != question("hi", **{variable: "http://b"}).folder


@pytest.mark.parametrize("name", [paths.USER_FILE, paths.PROJECT_FILE, paths.STACK_FILE])
def test_a_changed_settings_file_makes_it_another_question(question, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    env = {"HOME": str(tmp_path)}
    places = {
        paths.USER_FILE: paths.config_dir(env),
        paths.PROJECT_FILE: tmp_path,
        paths.STACK_FILE: paths.state_dir(env),
    }
    file = Path(places[name], name)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = question("hi").folder

    file.touch()

    assert question("hi").folder != before


def test_another_folder_makes_it_another_question(question, tmp_path, monkeypatch):
    before = question("hi").folder
    monkeypatch.chdir(tmp_path)

    assert question("hi").folder != before


def test_a_record_that_has_expired_is_not_printed(question, kept):
    kept(question("hi"), expires=time.time() - 1)

    assert not question("hi").answer()


def test_a_record_that_somebody_else_wrote_is_not_printed(question, kept, monkeypatch):
    kept(question("hi"))
    monkeypatch.setattr(os, "geteuid", lambda: 4321)

    assert not question("hi").answer()


@pytest.mark.parametrize("exact", [True, False])
def test_a_record_holds_as_long_as_its_file_is_as_it_was(question, kept, tmp_path, exact):
    file = tmp_path / "entry"
    file.write_text("one")
    identity = hot.identity(str(file), exact=exact).encode()
    kept(question("hi"), conditions=[b"%s %s %s" % (b"exact" if exact else b"same", identity, os.fsencode(file))])

    assert question("hi").answer()
    file.write_text("three")
    assert not question("hi").answer()
    file.unlink()
    assert not question("hi").answer()


def test_reading_a_file_keeps_its_identity(tmp_path):
    file = tmp_path / "entry"
    file.write_text("one")
    before = hot.identity(str(file), exact=False)
    os.utime(file, ns=(1, file.stat().st_mtime_ns))

    assert hot.identity(str(file), exact=False) == before


def test_a_file_changed_just_now_cannot_be_trusted_to_show_its_next_change(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text("{}")

    assert hot.unchanged(str(file), exact=True) is None
    assert hot.unchanged(str(file), exact=False) is not None
    assert hot.unchanged(str(tmp_path / "nowhere"), exact=True) is None


def test_what_comes_out_of_a_pipe_or_a_device_is_never_the_same(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert hot.unchanged(str(pipe), exact=False) is None
    assert hot.unchanged(os.devnull, exact=True) is None


def test_a_record_holds_as_long_as_nothing_listens(question, kept):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        kept(question("hi"), conditions=[hot.closed("127.0.0.1", listener.getsockname()[1])])

        assert question("hi").answer()
        listener.listen()
        assert not question("hi").answer()


def test_stdin_is_left_alone_when_the_command_line_was_never_answered(question, monkeypatch):
    monkeypatch.setattr(hot, "read_stdin", lambda: pytest.fail("read"))
    asked = question("hi")
    asked._stdin = None

    assert not asked.answer()


def test_a_silent_pipe_is_spoken_of(monkeypatch, capfd):
    reading, writing = os.pipe()
    kept = os.dup(0)
    monkeypatch.setattr(hot, "PATIENCE", 0.01)

    def say(handle, data):
        os.close(writing)  # what it waited for: the end
        return write(handle, data)

    write = os.write
    try:
        os.dup2(reading, 0)
        monkeypatch.setattr(os, "write", say)
        assert hot.read_stdin() == b""
    finally:
        monkeypatch.undo()
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)
    assert "reading stdin" in capfd.readouterr().err


def test_a_pipe_without_an_end_is_left(monkeypatch):
    monkeypatch.setattr(hot, "LARGEST", 3_000_000)
    monkeypatch.setattr(os, "isatty", lambda _: False)
    monkeypatch.setattr(os, "read", lambda _, most: b"y" * most)

    assert 3_000_000 < len(hot.read_stdin()) < 5_000_000


def test_the_hot_path_imports_next_to_nothing():
    code = "import sys; before = set(sys.modules); import samplemind_cli.__main__; print(*set(sys.modules) - before)"
    root = str(Path(hot.__file__).parents[1])
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )

    ours = {f"samplemind_cli{name}" for name in ("", ".__main__", ".hot", ".paths", ".spool", ".trust")}
    assert set(loaded.stdout.split()) == ours
