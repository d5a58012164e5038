"""The ledger when something goes wrong: a full disk, a killed server, many writers at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from parts import warm

from samplemind_cli.ledger import log
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
SECOND = 1.0  # what a killed server may lose
SLOW = 1.0  # what a busy machine may add to it


@pytest.fixture
def served(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    """A function that starts `serve`; it gives the process and an HTTP client of it."""
    started = []

    def start(*options):
        stderr = tmp_path / f"serve{len(started)}.log"
        program = warm.Program(warm.samplemind, "serve", "--port", "0", "--json", *options, stderr=stderr)
        url = json.loads(program.stdout.readline())["url"]
        started.append((program, httpx.Client(base_url=url, timeout=30, verify=False)))
        return started[-1]

    start.log = lambda n=0: (tmp_path / f"serve{n}.log").read_text()
    yield start
    for program, http in started:
        http.close()
        program.end()


def ask(http, text, **more):
    body = {"model": "openai/any", "messages": [{"role": "user", "content": text}], **more}
    http.post("/v1/chat/completions", json=body).raise_for_status()


def calls():
    with Ledger(Settings.load()).open() as connection:
        return log.latest(connection, 9999)


def test_a_killed_server_loses_at_most_its_last_second(served):
    program, http = served()
    for n in range(20):
        ask(http, f"early {n}")
    ask(http, "early 0")  # out of memory: it is counted, too
    time.sleep(SECOND + SLOW)
    for n in range(5):
        ask(http, f"late {n}")
    program.send_signal(signal.SIGKILL)
    program.wait(20)

    assert 21 <= sum(call["times"] for call in calls()) <= 26


def test_a_server_that_ends_in_order_loses_nothing(served):
    program, http = served()
    for n in range(20):
        ask(http, f"question {n}")
    program.send_signal(signal.SIGTERM)
    program.wait(20)

    assert len(calls()) == 20


def test_two_servers_and_ten_shells_write_at_once_and_nothing_is_lost(served, tmp_path):
    servers = [served()[1] for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(ask, servers[n % 2], f"question {n}") for n in range(40)]
        shells = [
            warm.Program(warm.samplemind, "ask", "-m", "openai/any", f"shell {n}", stderr=tmp_path / "err")
            for n in range(10)
        ]
        counted = [warm.run(warm.samplemind, "stats", "--json") for _ in range(3)]  # folds in the middle
        for one in asking:
            one.result()
        assert [shell.outcome()[0] for shell in shells] == [0] * 10
    assert [done.returncode for done in counted] == [0] * 3
    time.sleep(SECOND + SLOW)

    assert len(calls()) == 50


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or not mount:
        pytest.skip("only root can mount a small disk")
    options = ["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(place)]
    if subprocess.run([mount, *options], check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_costs_one_warning_and_no_answer(small_disk, served, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(small_disk))
    _, http = served()
    ask(http, "first")
    time.sleep(SECOND + SLOW)
    (small_disk / "full").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    for n in range(30):
        ask(http, f"question {n} {'long ' * 200}")
        if n % 10 == 0:
            time.sleep(SECOND + SLOW)  # it tries to write
    told = served.log()
    assert told.count("calls are not recorded") == 1
    assert "No space left" in told

    (small_disk / "full").unlink()
    ask(http, "when there is room again")
    time.sleep(SECOND + SLOW)
    assert [call["model"] for call in calls()][-1] == "any"  # no line is broken


def test_a_full_disk_stops_neither_ask_nor_stats(small_disk, mock_server, monkeypatch):  # noqa: ARG001 - sets the environment
    monkeypatch.setenv("XDG_STATE_HOME", str(small_disk))
    run = [sys.executable, "-m", "samplemind_cli"]
    (small_disk / "full").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    done = subprocess.run([*run, "ask", "-m", "openai/any", "hi"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "You said: hi\n")
    assert done.stderr.count("not recorded") == 1

    stats = subprocess.run([*run, "stats"], capture_output=True, text=True, check=False)
    assert stats.returncode == 1
    assert "free space there" in stats.stderr
    assert "Traceback" not in stats.stderr


def test_with_a_budget_a_full_disk_refuses_what_it_cannot_count(small_disk, mock_server, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(small_disk))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "samplemind").mkdir()
    (tmp_path / "samplemind" / "config.toml").write_text("[budgets]\nday = 5\n")
    (tmp_path / "samplemind" / "prices.toml").write_text('["openai/any"]\ninput = 1\noutput = 1\n')
    (small_disk / "full").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    done = warm.run(warm.samplemind, "ask", "-m", "openai/any", "--max-tokens", "9", "hi")

    assert done.returncode != 0
    assert "cannot be recorded" in done.stderr or "ledger" in done.stderr
    assert [request for request in mock_server.requests if request.method == "POST"] == []


def test_a_server_keeps_no_words_unless_it_is_told_to(served):
    _, plain = served()
    ask(plain, "a secret plan")
    _, keeping = served("--keep-content")
    for _ in range(2):
        ask(keeping, "an open plan")
    time.sleep(SECOND + SLOW)

    found = calls()
    assert "secret" not in json.dumps(found)
    kept = [(call["prompt"], call["answer"], call["tier"]) for call in found if "prompt" in call]
    assert kept == [("an open plan", "You said: an open plan", tier) for tier in ("miss", "local")]
    assert served.log(1).count("--keep-content") == 1
    assert Path(Settings.load().state_dir, "ledger", "ledger.db").stat().st_mode & 0o077 == 0
