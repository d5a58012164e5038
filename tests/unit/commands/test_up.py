import io

import pytest
from rich.console import Console

from samplemind_cli import cli
from samplemind_cli.commands.up import _as_json, _drawing, _table
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.services import Port, ServiceState
from samplemind_cli.stack.up import UpProgress
from samplemind_cli.stack.up_display import UpDisplay
from samplemind_cli.stack.up_plan import UpPlan

PORTS = (Port(address="127.0.0.1", published=7, target=6379), Port(address="127.0.0.1", published=8, target=80))
REDIS = ServiceState(
    service="redis", state="running", health="starting", ports=PORTS, probe="loading the dataset\n" * 9
)
PLAN = UpPlan(stack=Stack(files=()), project="shop", services=(), selected={}, adopted={"ollama": "127.0.0.1:11434"})


@pytest.fixture
def board():
    board = UpDisplay()
    board.take(UpProgress(seconds=1.25, services=[REDIS]))
    return board


def test_help_has_an_example_at_40_columns(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.run(["up", "--help"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert any("samplemind up redis" in line for line in lines)


def test_the_board_fits_into_40_columns_with_what_is_pulled(board):
    look = UpProgress(seconds=1.25, services=[REDIS], activity="pulling redis, mongodb", pulled=(1e6, 4e7))
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None, soft_wrap=True)
    console.print(_drawing(board, look, 40))
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("redis  starting  1.2 s  loading the")
    assert lines[0].rstrip().endswith("…")
    assert lines[1] == "pulling redis, mongodb: 1.0 MB of 40.0 …"
    assert max(map(len, lines)) <= 40


def test_the_table_has_every_port_and_the_adopted_service(board, capfd):
    _table(PLAN, board)
    assert capfd.readouterr().out.splitlines() == [
        "SERVICE  STATE     URL",
        "ollama   adopted   http://127.0.0.1:11434",
        "redis    starting  redis://127.0.0.1:7",
        "                   http://127.0.0.1:8",
    ]


def test_json_has_the_services_and_the_adopted_one(board):
    told = _as_json(PLAN, board)
    assert (told["project"], told["gpu"]) == ("shop", "none")
    assert told["services"] == [
        {"service": "redis", "state": "running", "health": "starting", "url": "redis://127.0.0.1:7", "seconds": 1.2},
        {"service": "ollama", "state": "adopted", "health": None, "url": "http://127.0.0.1:11434", "seconds": 0.0},
    ]
