"""The dashboard over a ledger of 100,000 calls: its build, first paint, and how soon it answers a key or a filter.

--minutes N leaves the page open that long while calls keep coming, and tells how its memory grew.
"""

import argparse
import gzip
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samplemind_cli.ledger import store
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
ROUNDS = 15
# Resolves when the page has been drawn after the condition became true; the milliseconds from the act until then.
DRAWN = """new Promise((done) => {{
  const began = performance.now();
  {act};
  const look = () => {condition} ? requestAnimationFrame(() => done(performance.now() - began)) : setTimeout(look, 1);
  look();
}})"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=0)
    options = parser.parse_args()
    _build()
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "OLLAMA_HOST": "127.0.0.1:1"}
        ledger = Ledger(Settings.load(env))
        began = time.perf_counter()
        with ledger.open() as connection, store.transaction(connection):
            store.add(connection, _calls(options.calls))
        _tell(f"ledger of {options.calls:,} calls written", time.perf_counter() - began, "s")
        command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", "0", "--json"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            try:
                _page(json.loads(server.stdout.readline())["url"], home, ledger, options)  # type: ignore[union-attr]
            finally:
                server.terminate()


def _build() -> None:
    if shutil.which("npm") is None:
        print("there is no npm: the build is not measured")
    else:
        with tempfile.TemporaryDirectory() as copy:
            web = Path(copy, "web")
            shutil.copytree(ROOT / "web", web, ignore=shutil.ignore_patterns("node_modules"))
            for name, command in (("npm ci", ["npm", "ci"]), ("npm run build", ["npm", "run", "build"])):
                began = time.perf_counter()
                subprocess.run(command, cwd=web, check=True, capture_output=True)
                _tell(name, time.perf_counter() - began, "s")
    built = (ROOT / "samplemind_cli" / "dashboard" / "dist" / "app.js").read_bytes()
    _tell("script, gzip", len(gzip.compress(built, 9)) / 1000, "kB")


def _page(url: str, home: str, ledger: Ledger, options: argparse.Namespace) -> None:
    from parts.browser import Browser  # type: ignore[import-not-found]

    browser = Browser(Path(home, "profile"), "127.0.0.1", 600 + 60 * options.minutes)
    tab = browser.tab()
    tab.size(1200, 800)
    paints, rows = [], []
    for n in range(ROUNDS):
        tab.open(f"{url}/dashboard?{n}")
        tab.run(DRAWN.format(act="0", condition="document.querySelector('[role=row] a')"))
        rows.append(tab.run("performance.now()"))
        paints.append(tab.run("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    _tell("first contentful paint", statistics.median(paints), "ms", paints)
    _tell("first rows drawn", statistics.median(rows), "ms", rows)
    tab.run("var was")
    for name, act, condition in _deeds():
        rounds = (act.replace("{n}", str(n)) for n in range(ROUNDS))
        took = [tab.run(DRAWN.format(act=one, condition=condition)) for one in rounds]
        _tell(name, statistics.median(took), "ms", took)
    if options.minutes:
        _stay(tab, ledger, options.minutes)
    browser.close()


def _deeds() -> Iterator[tuple[str, str, str]]:
    """What is done in round {n}, the script that does it, and when its outcome is on the page."""
    selected, row = "document.querySelector('[aria-selected=true]')", "document.querySelector('[role=row]')"
    loaded = "[...document.querySelectorAll('[role=row]')].every((row) => row.querySelector('a'))"
    total = "document.querySelector('.total').innerText"
    changed = f"{total} !== was && document.querySelector('[role=row] a')"
    identity = "(1000 + {n}).toString(16).padStart(16, '0')"
    yield (
        "j: the next row",
        f"was = {selected}; dispatchEvent(new KeyboardEvent('keydown', {{key: 'j'}}))",
        f"{selected} && {selected} !== was",
    )
    yield (
        "scroll to rows never seen",
        f"was = {row}.ariaRowIndex; document.querySelector('.rows').scrollTop = 34 * (5000 + 4321 * {{n}})",
        f"{row}.ariaRowIndex !== was && {loaded}",
    )
    for name, fact, values in (
        ("filter by model", "model", "['openai/gpt-4o', 'ollama/qwen2.5', '']"),
        ("filter by words", "words", "['lions', 'routers', 'caches']"),
    ):
        there = f"location.hash = '#/requests?{fact}=' + encodeURIComponent({values}[{{n}} % 3])"
        yield name, f"was = {total}; {there}", changed
    opened = "document.querySelector('article pre') && document.querySelector('article').innerText.includes(was)"
    yield "open a call", f"was = {identity}; location.hash = '#/requests/' + was", opened


def _stay(tab: Any, ledger: Ledger, minutes: float) -> None:
    """Leave the page open while a call comes each second."""
    heap = "performance.memory.usedJSHeapSize / 1e6"
    tab.open(tab.run("location.origin") + "/dashboard?stay")
    sizes, until, number = [], time.monotonic() + 60 * minutes, 10**9
    while time.monotonic() < until:
        for _ in range(20):
            number += 1
            with ledger.open() as connection, store.transaction(connection):
                store.add(connection, _calls(1, number))
            time.sleep(1)
        tab._do("HeapProfiler.collectGarbage")  # noqa: SLF001 - the test's own browser
        sizes.append(tab.run(heap))
    _tell(f"heap after {minutes:g} minutes", sizes[-1], "MB", sizes)


def _calls(count: int, first: int = 0) -> Iterator[dict[str, Any]]:
    chance, now = random.Random(first), time.time()
    routes = (("openai", "gpt-4o"), ("ollama", "llama3.2"), ("ollama", "qwen2.5"))
    for n in range(first, first + count):
        provider, model = chance.choice(routes)
        subject = chance.choice(["caches", "routers", "lions"])
        yield {
            "id": f"{n:016x}",
            "at": now - (first + count - n) * 5,
            "command": "serve",
            "client": chance.choice(["openai-python", "claude-cli", "curl"]),
            "session": f"s{n // 500}",
            "provider": provider,
            "model": model,
            "tier": chance.choice(["miss", "miss", "local", "redis"]),
            "times": 1,
            "input_tokens": chance.randint(5, 3000),
            "output_tokens": chance.randint(1, 900),
            "ms": chance.expovariate(1 / 900),
            "first_ms": 80.0,
            "held_ms": 0.0,
            "key": f"k{n % 3000}",
            "error": "no provider can answer" if n % 50 == 0 else None,
            "prompt": f"Question {n} about {subject} " + "word " * 30,
            "answer": "An answer " + "text " * chance.randint(3, 200),
        }


def _tell(name: str, value: float, unit: str, all_of: list[float] | None = None) -> None:
    spread = f"  ({min(all_of):.3g} to {max(all_of):.3g}, n={len(all_of)})" if all_of else ""
    print(f"{name:<36} {value:8.3g} {unit}{spread}", flush=True)


if __name__ == "__main__":
    main()
