import contextlib
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.stack import logs
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.levels import LEVELS
from samplemind_cli.stack.logs import PART, LogLine, Parser, whole_line

ERASE = "\x1b[2K"


def test_reads_a_line_as_compose_2_26_prints_it():
    raw = f"{ERASE}redis-1    | 2026-11-22T20:40:29.007304447Z 1:M 22 Nov 2026 20:40:28.998 * Ready to accept"
    assert Parser().line(raw) == LogLine(
        "redis",
        1,
        "2026-11-22T20:40:29.007304447Z",
        "info",
        "1:M 22 Nov 2026 20:40:28.998 * Ready to accept",
    )


def test_reads_a_replica_s_number_an_empty_message_and_a_name_without_number():
    parser = Parser()
    assert parser.line("my-worker-12  | 2026-11-22T20:40:29Z ") == LogLine(
        "my-worker", 12, "2026-11-22T20:40:29Z", "info", ""
    )
    assert parser.line("named | 2026-11-22T20:40:29Z x").service == "named"


def test_a_message_may_contain_the_separator_colours_and_a_carriage_return():
    assert Parser().line("a-1 | 2026-11-22T20:40:29Z \x1b[31mleft | right\x1b[0m\r").message == "left | right"


def test_compose_s_own_talk_is_no_line():
    assert Parser().line("no container to follow") is None


def test_an_indented_line_has_the_level_of_the_one_it_belongs_to():
    parser = Parser()
    parser.line("api-1 | 2026-11-22T20:00:00Z Traceback (most recent call last):")
    parser.line("redis-1 | 2026-11-22T20:00:00Z plain")
    assert parser.line('api-1 | 2026-11-22T20:00:01Z   File "x.py", line 1').level == "error"
    assert parser.line("api-1 | 2026-11-22T20:00:01Z plain again").level == "info"


def test_labels_say_which_service_a_line_is_of_and_not_the_containers_name():
    sources = {"shop-db-13": ("db", 1), "redis-1": ("cache", 2)}
    parser = Parser(sources.__getitem__)
    assert parser.line("shop-db-13 | 2026-11-22T20:00:00Z x").name == "db"
    assert parser.line("redis-1 | 2026-11-22T20:00:00Z x").name == "cache-2"


TIME = b"2026-11-30T06:56:01.638495331Z "


def in_parts(message):
    """A line as Compose prints it of what the engine keeps in parts."""
    parts = [message[at : at + PART] for at in range(0, len(message), PART)] or [b""]
    return b"\x1b[2Ktalk-1  | " + b"".join(TIME + part for part in parts)


@pytest.mark.parametrize("length", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 300_001])
@pytest.mark.parametrize("letter", ["a", "é", "€"])
def test_a_line_that_the_engine_keeps_in_parts_comes_whole_with_nothing_added(length, letter):
    message = (letter * length).encode()
    assert whole_line(in_parts(message)) == b"\x1b[2Ktalk-1  | " + TIME + message


def test_a_time_that_a_service_writes_itself_stays():
    message = b"x" * 40 + TIME + b"y" * (PART - 60) + TIME + b"z" * PART
    assert whole_line(in_parts(message)).endswith(TIME + message)


@given(st.binary())
def test_no_bytes_break_what_joins_the_parts(raw):
    assert whole_line(raw) == raw
    assert whole_line(in_parts(raw)).endswith(raw)


@given(st.text())
def test_no_line_breaks_the_parser(text):
    line = Parser().line(f"api-1 | 2026-11-22T20:00:00Z {text}")
    assert line is None or line.level in LEVELS
    Parser().line(text)


def script(monkeypatch, code):
    """Put a Python one-liner where `docker compose logs` would run."""
    monkeypatch.setattr(logs, "compose_command", lambda *_: [sys.executable, "-c", code])


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


NO_STACK = Stack(files=())


def test_lines_of_all_services_come_by_time_and_without_a_last_newline(monkeypatch, pipe):
    script(monkeypatch, "print('b-1 | 2026-01-01T00:00:02Z two\\na-1 | 2026-01-01T00:00:01Z one', end='')")
    assert [line.message for line in logs.read(NO_STACK, [], reader=pipe[1])] == ["one", "two"]


def test_what_compose_complains_of_is_an_error(monkeypatch, pipe):
    script(monkeypatch, "import sys; sys.exit('no such service: nope')")
    with pytest.raises(UsageError, match="nope"):
        list(logs.read(NO_STACK, ["nope"], reader=pipe[1]))
    script(monkeypatch, "import sys; sys.exit('Cannot connect to the Docker daemon at unix:///x')")
    with pytest.raises(StackError, match="does not answer"):
        list(logs.read(NO_STACK, [], ["--follow"], reader=pipe[1]))


def test_a_quiet_log_ends_when_its_reader_goes(monkeypatch, pipe):
    script(monkeypatch, "import time; print('a-1 | 2026-01-01T00:00:02Z one', flush=True); time.sleep(600)")
    lines = logs.read(NO_STACK, [], ["--follow"], reader=pipe[1])
    assert next(lines).message == "one"
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError):
        next(lines)


def test_a_follower_tells_no_line_twice(monkeypatch, pipe):
    line = "print('a-1 | 2026-01-01T00:00:02Z one'); print('a-1 | 2026-01-01T00:00:03Z one')"
    script(monkeypatch, f"{line}; {line}; print('b-1 | 2026-01-01T00:00:02Z one')")
    told = [(line.service, line.time[-3:]) for line in logs.read(NO_STACK, [], ["--follow"], reader=pipe[1])]
    assert told == [("a", "02Z"), ("a", "03Z"), ("b", "02Z")]


@pytest.mark.parametrize("ends", [False, True])
def test_a_container_that_a_follower_has_missed_is_followed_by_the_next(monkeypatch, pipe, ends):
    stay = "" if ends else "; time.sleep(600)"
    first = "print('a-1 | 2026-01-01T00:00:01Z one', flush=True)"
    second = f"{first}; print('b-1 | 2026-01-01T00:00:02Z two', flush=True)"
    asked = []

    def command(_, *words):
        asked.append(words)
        code = f"import time; {second if len(asked) > 1 else first}{stay}"
        return [sys.executable, "-c", code]

    class Late(logs.Followed):
        def missed(self):
            return ["--follow", "--since", "then"] if len(asked) == 1 else []

    monkeypatch.setattr(logs, "compose_command", command)
    monkeypatch.setattr(logs, "Followed", Late)
    monkeypatch.setattr(logs, "CHECKS", (0.2,))
    lines = logs.read(NO_STACK, ["a", "b"], ["--follow", "--tail", "5"], project="shop", reader=pipe[1])
    assert [next(lines).message, next(lines).message] == ["one", "two"]
    lines.close()
    assert asked[1][3:] == ("--follow", "--since", "then", "a", "b")
