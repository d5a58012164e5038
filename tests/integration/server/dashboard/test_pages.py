"""Each page but the first: its main deed, what it tells where a part is missing, and whether everybody can use it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parts.gguf import tiny
from parts.ollama_daemon import BINARY, MODELS, RealDaemon, free_port
from parts.registry import Registry

from samplemind_cli.bench import ab, evidence, git, report
from samplemind_cli.bench.last_results import LastResults
from samplemind_cli.ledger.log import latest
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>[x](javascript:window.owned=1)'
PAGES = ("requests", "cache", "money", "try", "models", "stack", "benches", "connect")


def show(tab, served, place):
    tab.open(f"{served.url}/dashboard?{time.monotonic()}#/{place}")
    tab.sees("samplemind")


def fill(tab, selector, text):
    tab.click(selector)
    tab.type(text)


def test_what_the_cache_spared_is_told_and_it_is_cleared_once_asked(served, tab, picture):
    for _ in range(3):
        served.ask(model="openai/gpt-4o")
    show(tab, served, "cache")
    tab.sees("2 of 3 answers", "1 answer,", "openai/gpt-4o")
    picture(tab, "cache")

    tab.click("button.danger")
    tab.sees("Remove all stored answers")
    tab.press("Escape")
    tab.wait("!document.querySelector('dialog')")
    tab.click("button.danger")
    tab.click("dialog button.danger")

    tab.sees("removed 1 answer,", "0 answers, 0 B")
    assert served.ask(model="openai/gpt-4o").headers["x-samplemind-cache"] == "miss"
    assert tab.complaints == []


def test_the_answers_that_are_chosen_are_cleared_alone(serve, tab):
    served = serve("--keep-content")
    for model, text in (
        ("openai/gpt-4o", "who sleeps"),
        ("openai/gpt-4o", "who roars"),
        ("openai/gpt-5", "who sleeps"),
    ):
        served.ask(model=model, messages=[{"role": "user", "content": text}])
    show(tab, served, "cache")
    tab.sees("3 answers,")

    fill(tab, ".clear input", "who sl")
    tab.wait("document.querySelectorAll('.clear select')[1].length === 3")
    tab.choose(2, "openai/gpt-4o")
    tab.click("button.danger")
    tab.sees("Remove the stored answers of openai/gpt-4o to questions that begin with “who sl”, here and in Redis?")
    tab.click("dialog button.danger")

    tab.sees("removed 1 answer,", "2 answers,")
    assert tab.complaints == []


def test_redis_is_told_of_and_where_it_went(serve, start_redis, tab):
    redis = start_redis()
    served = serve(SAMPLEMIND_REDIS_URL=redis.url)
    served.ask()
    show(tab, served, "cache")
    tab.sees(f"used at {redis.url}")

    redis.kill()
    show(tab, served, "cache")

    tab.sees("samplemind up redis starts one")


def test_what_was_spent_is_told_by_day_and_apart(serve, tab, written, picture):
    config = Path(Settings.load().config_dir, "config.toml")
    config.parent.mkdir(parents=True)
    config.write_text("[budgets]\nmonth = 60.0\n")
    served, now = serve(), time.time()
    for n in range(60):
        facts = {"provider": "openai", "model": "gpt-4o", "tier": "miss" if n % 3 else "local", "key": f"k{n % 3}"}
        counts = {"input_tokens": 100_000, "output_tokens": 1000 * n, "ms": 100.0, "client": f"client-{n % 4}"}
        written({"id": f"{n:016x}", "at": now - 3600 * n, **facts, **counts})
    show(tab, served, "money?since=7d")
    tab.sees("openai/gpt-4o", "Spent by day", "$60.00 a month")
    picture(tab, "money")

    tab.choose(1, "client")

    tab.sees("client-0", "client-3")
    assert "by=client" in tab.run("location.hash")
    assert tab.complaints == []


def test_a_prompt_is_tried_on_two_models_side_by_side_and_stands_in_the_ledger(served, tab, picture):
    show(tab, served, "try")
    fill(tab, "textarea", HOSTILE)
    tab.click("form button:nth-of-type(3)")
    tab.wait("document.querySelectorAll('input[list]').length === 2")
    fill(tab, "input[list]", "")
    tab.run("document.querySelector('input[list]').select()")
    tab.type("openai/gpt-4o")
    tab.click("button.primary")

    tab.wait("document.querySelectorAll('.answer p.used').length === 2")
    tab.sees("openai/gpt-4o", "fresh", "You said: <img")
    picture(tab, "try")
    assert tab.run("window.owned") is None
    assert tab.run("document.querySelectorAll('.answer img, .answer script, .answer a').length") == 0
    tab.click("button.primary")
    tab.wait("document.body.innerText.includes('from the local cache')")
    fill(tab, "input[inputmode]", "0.5")
    tab.click("button.primary")
    tab.sees("not cached: temperature is new")
    assert tab.complaints == []
    with Ledger(Settings.load()).open() as connection:
        until = time.monotonic() + 10
        while len(calls := latest(connection, 5)) < 2 and time.monotonic() < until:
            time.sleep(0.2)
            served.http.get("/dashboard/api/requests")
    assert {(call["command"], call["prompt"]) for call in calls} == {("dashboard", HOSTILE)}


def test_a_prompt_that_nobody_answers_is_told_with_what_helps(serve, tab):
    show(tab, serve(OLLAMA_HOST=f"127.0.0.1:{free_port()}"), "try")
    fill(tab, "textarea", "hi")
    fill(tab, "input[list]", "")
    tab.run("document.querySelector('input[list]').select()")
    tab.type("ollama/nobody")
    tab.click("button.primary")

    tab.wait("!!document.querySelector('.answer .trouble')")


def test_what_is_copied_asks_the_same_whatever_the_prompt_holds(served, tab, tmp_path):
    prompt = """it's "$(touch owned)" `touch owned`\n--max-tokens=9 \\"""
    show(tab, served, "try")
    fill(tab, "textarea", prompt)
    fill(tab, "textarea[rows='1']", "be 'brief'")
    tab.run("document.querySelector('input[list]').select()")
    tab.type("openai/gpt-5")
    tab.choose(0, "high")
    tab.click("button.primary")
    tab.wait("!!document.querySelector('.answer p.used')")
    tab.run("Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { copied = text }}})")
    copied = []
    for number in (2, 3, 4):
        tab.run("var copied = ''")
        tab.click(f".answer .actions button:nth-of-type({number})")
        copied.append(tab.wait("copied"))
    ask, curl, python = copied

    words = subprocess.run(
        ["bash", "-c", 'samplemind() { printf "%s\\0" "$@"; }\n' + ask], cwd=tmp_path, capture_output=True, check=True
    )
    told = ["ask", "-m", "openai/gpt-5", "-s", "be 'brief'", "--effort", "high", "--", prompt]
    assert words.stdout.decode().split("\0")[:-1] == told
    said = f"You said: {' '.join(prompt.split())}"  # the mock says it in one line
    answered = subprocess.run(["bash", "-c", curl], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(answered.stdout)["choices"][0]["message"]["content"] == said
    printed = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, check=True)
    assert printed.stdout.decode() == f"{said}\n"
    assert not (tmp_path / "owned").exists()


@pytest.mark.skipif(not (BINARY and MODELS), reason="no Ollama, or no store of test models")
def test_a_local_model_is_warmed_stopped_and_removed_once_asked(serve, tab, tmp_path, picture):
    store = tmp_path / "store"
    subprocess.run(["cp", "-r", MODELS, store], check=True)
    daemon = RealDaemon(tmp_path, free_port(), store=store).start()
    try:
        served = serve(OLLAMA_HOST=daemon.url)
        show(tab, served, "models")
        tab.sees("tiny:latest", "missing")
        tab.click('[aria-label="Warm tiny:latest"]')
        tab.wait("""!!document.querySelector('[aria-label="Stop tiny:latest"]')""", 60)
        picture(tab, "models")
        tab.click('[aria-label="Stop tiny:latest"]')
        tab.wait("""!!document.querySelector('[aria-label="Warm tiny:latest"]')""", 60)
        tab.click('[aria-label="Remove… tiny:latest"]')
        tab.sees("Remove tiny:latest from the disk?")
        tab.click("dialog button.danger")
        tab.wait("!document.body.innerText.includes('tiny:latest')")
        fill(tab, "form input", f"127.0.0.1:{free_port()}/nobody/nothing")
        tab.press("Enter")
        tab.wait("!!document.querySelector('.trouble')", 60)
        assert tab.complaints == []
    finally:
        daemon.kill()


@pytest.mark.skipif(not BINARY, reason="no Ollama")
def test_a_model_is_pulled_with_its_progress_and_removed_by_keyboard_on_a_narrow_page(serve, tab, axe, tmp_path):
    tab.size(360, 700)
    config = {"model_format": "gguf", "model_family": "llama", "model_type": "3K", "file_type": "F32"}
    daemon = RealDaemon(tmp_path, free_port(), store=tmp_path / "store").start()
    try:
        with Registry(rate=30_000) as registry:
            name = registry.add("one", tiny(), os.urandom(100_000), config=config)
            show(tab, serve(OLLAMA_HOST=daemon.url), "models")
            tab.sees("pull a model")
            tab.reach("document.activeElement.matches('form input')")
            tab.type(name)
            tab.press("Enter")

            tab.wait(f"document.querySelector('progress[aria-label=\"Pull of {name}\"]')?.value > 0.1", 60)
            assert re.search(r"[0-9.]+ kB of [0-9.]+ kB", tab.run("document.body.innerText"))
            registry.release.set()
            tab.wait(f"""!!document.querySelector('[aria-label="Warm {name}"]')""", 60)
        tab.wait("!document.querySelector('progress')")
        assert tab.run("document.documentElement.scrollWidth") <= 360
        assert axe(tab) == []
        tab.reach(f"document.activeElement.ariaLabel === 'Remove… {name}'")
        tab.press("Enter")
        tab.sees(f"Remove {name} from the disk?")
        tab.press("Enter")

        tab.wait(f"!document.body.innerText.includes('{name}')", 60)
        assert tab.complaints == []
    finally:
        daemon.kill()


def test_a_daemon_that_is_not_there_is_told_with_what_brings_it(serve, tab):
    show(tab, serve(OLLAMA_HOST=f"127.0.0.1:{free_port()}"), "models")

    tab.wait("!!document.querySelector('.trouble code')")


def test_a_machine_without_docker_is_told_with_what_brings_it(serve, tab, tmp_path):
    show(tab, serve(PATH=str(tmp_path)), "stack")

    tab.wait("!!document.querySelector('.trouble code')")


def test_what_bench_run_kept_is_shown_over_the_commits(serve, tab, tmp_path, monkeypatch, picture):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "a", "b"):
        command = [sys.executable, "-m", "samplemind_cli", "bench", "run", "--runs", "8", "--save", name, "--", "true"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "CI": ""})
    board = [sys.executable, "-m", "samplemind_cli", "bench", "core", "serve", "--quick"]
    subprocess.run(board, check=True, capture_output=True)
    for number in range(3):
        found = ab.Comparison([(1.0, 1.0 + number / 10)] * 40, 0.95 + number / 9, 1 + number / 10, 1.05 + number / 9)
        found.verdict = evidence.judge(found.low, found.high)
        told = ab.document(found, [f"v1.{number}", f"v1.{number + 1}"], ["python", "-m", "myapp", HOSTILE], 0.03)
        LastResults(Settings.load().state_dir).keep_comparison(git.project(tmp_path), {"when": report.now(), **told})
    served = serve()
    show(tab, served, "benches")

    tab.sees("a: ", "b: ", "95 % interval", "v1.2 → v1.3", "worse", "1.200x")
    tab.sees("samplemind bench cli", "≤ 50 ms")
    measured = (
        "document.querySelector('[aria-label=\"The board\"]').innerText.match(/serve, cached answer P50\\s+[0-9.]+ /)"
    )
    assert tab.run(measured)
    assert tab.run("window.owned") is None
    assert tab.run("document.querySelectorAll('svg.intervals circle').length") >= 6
    picture(tab, "benches")
    assert tab.complaints == []


def test_each_tool_is_told_with_what_to_paste(served, tab, picture):
    from samplemind_cli.launching.tools import TOOLS

    show(tab, served, "connect?model=ollama/tiny")

    tab.sees(*(f"samplemind launch {name} -m ollama/tiny" for name in TOOLS))
    tab.sees(f"export ANTHROPIC_BASE_URL={served.url}")
    picture(tab, "connect")
    assert tab.complaints == []


@pytest.mark.parametrize("look", [(1200, False), (1200, True), (360, False), (360, True)])
def test_every_page_fits_and_axe_has_nothing_against_it(serve, tab, axe, look, tmp_path):
    width, dark = look
    tab.size(width, 700, dark=dark)
    served = serve(PATH=f"{tmp_path}:{os.environ['PATH']}", OLLAMA_HOST=f"127.0.0.1:{free_port()}")
    served.ask(model="openai/gpt-4o")
    for page in PAGES:
        show(tab, served, page)
        tab.wait("!/asking|connecting|summing|reading/.test(document.body.innerText)")

        assert axe(tab) == [], page
        assert tab.run("document.documentElement.scrollWidth") <= width, page


def test_every_page_is_reached_by_keyboard(served, tab):
    show(tab, served, "requests")
    for number, page in enumerate(PAGES, 1):
        tab.press(str(number))
        tab.wait(f"location.hash === '#/{page}'")
    tab.press("Tab")
    assert Path(tab.run("document.activeElement.getAttribute('href') ?? ''")).name
