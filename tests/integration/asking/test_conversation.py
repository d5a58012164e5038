"""`ask -c` and `chat` in processes of their own: what the provider is told of earlier turns."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
COMMAND = [sys.executable, "-m", "samplemind_cli"]


@pytest.fixture
def run(tmp_path):
    def samplemind(*argv, piped=""):
        return subprocess.run(
            [*COMMAND, *argv], cwd=tmp_path, input=piped, capture_output=True, text=True, check=False, timeout=60
        )

    return samplemind


def ended(pid):
    """The exit code of a child, which must not take long to end."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    return None


def waits(pid):
    """Return when a process has been asleep for a moment.

    CPython's readline hears no signal between its prompt and its waiting for a key; people are slower than that.
    """
    asleep = 0
    end = time.monotonic() + 20
    while asleep < 5:
        assert time.monotonic() < end
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" else 0
        time.sleep(0.02)


def told(request):
    return [(message["role"], message["content"]) for message in request.body["messages"]]


ONE = [("user", "one"), ("assistant", "You said: one")]
OPENAI = ("--model", "openai/gpt-6-luna")


def test_c_goes_on_with_what_was_asked_last_and_earlier_turns_stay_as_they_were(run, mock_server):
    for argv in (["one"], ["-c", "two"], ["three", "-c"], ["-c", "--raw", "four"]):
        assert run("ask", *OPENAI, *argv).returncode == 0

    first, *later = map(told, mock_server.requests)
    assert first == [("user", "one")]
    assert later[0] == [*ONE, ("user", "two")]
    for before, after in pairwise(later):
        assert after[: len(before)] == before
    assert later[-1][-1] == ("user", "four")
    assert len(later[-1]) == 7


def test_the_same_words_at_another_turn_are_another_question(run, mock_server):
    run("ask", *OPENAI, "one")
    answers = [run("ask", *OPENAI, "-c", "more").stdout for _ in range(3)]

    assert answers == ["You said: more\n"] * 3
    assert [len(told(request)) for request in mock_server.requests] == [1, 3, 5, 7]


def test_a_question_answered_by_the_hot_path_is_gone_on_with(run, mock_server):
    for prompt in ("one", "other", "one"):
        run("ask", *OPENAI, prompt)
    assert len(mock_server.requests) == 2
    run("ask", *OPENAI, "-c", "two")

    assert told(mock_server.requests[-1]) == [*ONE, ("user", "two")]


def test_a_named_conversation_is_found_by_its_name_and_keeps_its_model_and_instructions(run, mock_server):
    run("ask", *OPENAI, "-s", "Be brief", "-c", "songs", "one")
    run("ask", "between")
    run("ask", "-c", "songs", "two")
    run("ask", "--conversation=songs", piped="three")

    last = mock_server.requests[-1]
    assert told(last)[:4] == [("system", "Be brief"), *ONE, ("user", "two")]
    assert told(last)[-1] == ("user", "three")
    assert last.provider == "openai"


def test_another_parent_has_another_conversation(run, mock_server, tmp_path):
    run("ask", *OPENAI, "one")
    command = ["sh", "-c", f"{sys.executable} -m samplemind_cli ask -m openai/gpt-6-luna -c two; true"]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True)

    assert told(mock_server.requests[-1]) == [("user", "two")]


def test_a_turn_that_failed_is_forgotten(run, mock_server):
    run("ask", *OPENAI, "-c", "songs", "one")
    mock_server.behave(faults=["400:1"])
    assert run("ask", *OPENAI, "-c", "songs", "two").returncode == 4
    run("ask", *OPENAI, "-c", "songs", "three")

    assert told(mock_server.requests[-1]) == [*ONE, ("user", "three")]


def test_without_history_there_is_no_conversation(run, mock_server, monkeypatch):
    assert run("ask", "--no-log", "-c", "songs", "one").returncode == 2
    monkeypatch.setenv("SAMPLEMIND_HISTORY", "off")
    done = run("ask", "-c", "songs", "one")

    assert (done.returncode, "history is off" in done.stderr) == (2, True)
    assert not mock_server.requests


@pytest.mark.parametrize("reply", ["Do:\n\n```sh\nls -l\n```\n\nor\n```\nno\n```", "~~~\nls -l\n~~~", "```\nls -l\n"])
def test_x_prints_the_first_code_block_alone_fresh_and_repeated(run, mock_server, reply):
    mock_server.behave(reply=reply)

    assert [run("ask", "-x", "list").stdout for _ in range(2)] == ["ls -l\n"] * 2
    assert len(mock_server.requests) == 1


def test_x_without_a_code_block_prints_nothing_and_fails(run, mock_server):
    mock_server.behave(reply="no code")
    done = run("ask", "-x", "list")

    assert (done.returncode, done.stdout) == (4, "")
    assert "contains no code block" in done.stderr


def test_a_pdf_that_cannot_be_read_is_a_clear_error_where_its_text_is_wanted(run, mock_server, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    done = run("ask", "--provider", "ollama", "-a", "a.pdf", "Read")
    assert done.returncode == 2
    assert done.stderr.startswith("error: a.pdf cannot be read as a PDF")
    assert not mock_server.requests

    assert run("ask", "--provider", "openai", "-a", "a.pdf", "Read").returncode == 0


def test_a_chat_goes_on_from_turn_to_turn_and_ask_goes_on_with_it(run, mock_server, tmp_path):
    lines = [
        "/system Be brief",
        "one",
        "two \\",
        "lines",
        '"""three',
        'more"""',
        "/cost",
        "/save chat.md",
        "/nothing",
        "/quit",
    ]
    done = run("chat", *OPENAI, piped="\n".join(lines))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("You said: one\nYou said: two ")
    assert "3 answers, " in done.stderr
    assert "unknown command /nothing" in done.stderr
    assert "**user**\n\none\n\n**assistant**\n\nYou said: one" in (tmp_path / "chat.md").read_text()
    run("ask", "-c", "four")

    spoken = told(mock_server.requests[-1])
    assert spoken[:3] == [("system", "Be brief"), *ONE]
    assert [text for role, text in spoken if role == "user"] == ["one", "two \nlines", "three\nmore", "four"]


@pytest.mark.usefixtures("mock_server")
def test_a_chat_is_saved_again_into_its_own_file_and_over_no_other(run, tmp_path):
    kept, saved = tmp_path / "kept.txt", tmp_path / "chat.md"
    kept.write_text("kept")
    (tmp_path / "link.md").symlink_to(kept)
    os.mkfifo(tmp_path / "pipe")
    saves = [f"/save {name}" for name in ("chat.md", "./chat.md", "kept.txt", "link.md", "pipe", "~nobody-here/x")]
    lines = [saves[0], "one", *saves[1:], "/attach ~nobody-here/x"]
    done = run("chat", *OPENAI, piped="\n".join(lines))

    assert done.returncode == 0
    assert "one" in saved.read_text()
    assert kept.read_text() == "kept"
    assert re.findall(r"error: (\S+) is there already", done.stderr) == ["kept.txt", "link.md", "pipe"]
    assert "cannot write ~nobody-here/x" in done.stderr
    assert "cannot read ~nobody-here/x" in done.stderr


def test_a_model_is_changed_in_the_middle_and_a_wrong_one_is_not_taken(run, mock_server):
    done = run("chat", *OPENAI, piped="one\n/model nobody/x\n/model ollama/qwen\ntwo\n")

    assert done.returncode == 0
    assert [request.provider for request in mock_server.requests] == ["openai", "ollama"]


@pytest.fixture
def typed(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    """`chat` on a terminal: a function that types, one that waits for words, and the process."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [*COMMAND, "chat", *OPENAI, "--raw"])
    seen = bytearray()

    def until(words, again=b""):
        end = time.monotonic() + 30
        while words not in seen:
            assert time.monotonic() < end, bytes(seen)
            if select.select([terminal], [], [], 1)[0]:
                seen.extend(os.read(terminal, 4096))
            elif again:  # Python hears a signal just before it waits for a key only with the next key
                os.write(terminal, again)
        del seen[: seen.index(words) + len(words)]

    def write(data):
        if b"\x03" in data:
            waits(pid)
        os.write(terminal, data)

    yield write, until, pid
    os.close(terminal)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def test_ctrl_c_stops_an_answer_and_not_the_chat_and_ctrl_d_ends_it(mock_server, typed):
    write, until, pid = typed
    until(b"> ")
    mock_server.behave(latency_ms=30_000)
    write(b"one\n")
    assert mock_server.wait_until(lambda: len(mock_server.requests) == 1, 30)
    write(b"\x03")
    until(b"stopped")
    mock_server.behave(latency_ms=0)
    write(b"two\n")
    until(b"You said: two")
    until(b"> ")
    write(b"half\x03")
    until(b"> ", again=b"\x03")
    write(b"\x04")

    assert ended(pid) == 0
    assert told(mock_server.requests[-1]) == [("user", "two")]


def test_sigterm_ends_the_chat(mock_server, typed):  # noqa: ARG001 - sets the environment
    _, until, pid = typed
    until(b"> ")
    waits(pid)
    os.kill(pid, signal.SIGTERM)

    assert ended(pid) == 143


def test_a_fork_goes_on_with_a_copy_and_leaves_the_conversation_as_it_was(run, mock_server):
    run("ask", *OPENAI, "-c", "songs", "one")
    run("ask", *OPENAI, "-c", "songs", "--fork", "two")
    run("ask", *OPENAI, "-c", "three")
    run("ask", *OPENAI, "-c", "songs", "four")

    _, two, three, four = map(told, mock_server.requests)
    assert two == [*ONE, ("user", "two")]
    assert three[:3] == two
    assert three[-1] == ("user", "three")
    assert four == [*ONE, ("user", "four")]


def test_a_fork_without_a_name_is_of_this_terminals_last(run, mock_server):
    run("ask", *OPENAI, "one")
    run("ask", *OPENAI, "--fork", "two")

    assert told(mock_server.requests[-1]) == [*ONE, ("user", "two")]


def test_a_chat_sends_an_attachment_with_the_next_turn_alone(run, mock_server, tmp_path):
    (tmp_path / "notes.txt").write_text("A minor")
    done = run("chat", *OPENAI, piped="/attach notes.txt\none\n/attach nowhere.txt\n/attach\ntwo\n/cost\n")

    assert "attached: notes.txt" in done.stderr
    assert "cannot read nowhere.txt" in done.stderr
    assert "/attach needs" in done.stderr
    first, second = (request.body["messages"] for request in mock_server.requests)
    assert "A minor" in str(first[-1]["content"])
    assert second[-1]["content"] == "two"


def test_one_answer_is_one_answer(run, mock_server):  # noqa: ARG001 - sets the environment
    assert "1 answer, " in run("chat", "-m", "ollama/any", piped="one\n/cost\n").stderr


def test_a_template_is_filled_and_a_projects_says_where_it_came_from(run, mock_server, tmp_path):
    folder = tmp_path / ".samplemind" / "templates"
    folder.mkdir(parents=True)
    text = '+++\nmodel = "openai/gpt-6-luna"\nsystem = "Be brief"\n+++\nReview this {{language}}: {{input}}\n'
    (folder / "review.md").write_text(text)
    done = run("ask", "-T", "review", "--var", "language=Rust", piped="fn main() {}")

    assert done.returncode == 0, done.stderr
    assert "review.md, the project's, model openai/gpt-6-luna" in done.stderr
    assert told(mock_server.requests[0]) == [("system", "Be brief"), ("user", "Review this Rust: fn main() {}")]
    (folder / "review.md").write_text(text.replace("Review", "Look at"))
    run("ask", "-T", "review", "--var", "language=Rust", "--system", "Be kind", piped="fn main() {}")
    assert told(mock_server.requests[1]) == [("system", "Be kind"), ("user", "Look at this Rust: fn main() {}")]
