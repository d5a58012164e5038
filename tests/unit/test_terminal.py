"""The console through which everything is rendered."""

import io
import re

import pytest
from rich.live import Live
from rich.markdown import Markdown
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from samplemind_cli.terminal import HarmlessConsole

EVIL = "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202e"
OURS = re.compile(r"\x1b\[[0-9;]*[mA-K]|\x1b\[\?25[hl]|\r")


@pytest.fixture
def console():
    return HarmlessConsole(file=io.StringIO(), width=100, force_terminal=True)


def shown(console):
    return OURS.sub("", console.file.getvalue())


def table(text):
    grid = Table(text)
    grid.add_row(text)
    return grid


@pytest.mark.parametrize("made", [str, Text, table, Markdown, lambda text: Markdown(f"`{text}`")])
def test_whatever_is_printed_its_text_is_harmless(console, made):
    console.print(made(EVIL))

    assert "\\x1b]52;c;" in shown(console)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown(console))


def test_what_is_drawn_live_is_harmless_and_its_own_codes_still_work(console):
    with Live(Text(EVIL), console=console, transient=True, auto_refresh=False) as live:
        live.update(Text(EVIL), refresh=True)
    with Progress(TextColumn("{task.description}", markup=False), console=console, auto_refresh=False) as progress:
        progress.add_task(EVIL)

    assert "\x1b[2K" in console.file.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown(console))


def test_a_style_stays_and_a_link_goes(console):
    console.print(Text("bank", "bold link https://evil.example"), end="")

    assert console.file.getvalue() == "\x1b[1mbank\x1b[0m"
