"""The pages as a browser without a network shows them."""

import shutil
import subprocess

import pytest

from samplemind_cli.bench import ab, board, load, page, report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not BROWSER, reason="there is no headless Chromium on this machine"),
]
WHEN = "2026-11-22T21:00:00+0000"


def the_scoreboard():
    scores = [board.score("cache.redis-read", [0.5 + i / 100 for i in range(40)]), board.skipped("cache.local", "gone")]
    return page.scoreboard(report.document(scores))


def the_comparison():
    found = ab.Comparison(pairs=[(1.0, 1.1 + i / 1000) for i in range(40)], low=1.05, ratio=1.12, high=1.2)
    return page.comparison(ab.document(found, ["main", "tree"], ["echo"], 0.03), WHEN)


def the_load():
    found = load.Load(seconds=1.0)
    for i in range(500):
        found.sent.add(0.01 + i / 1e5)
    return page.loaded(load.document(found, "open loop", "a mock"), WHEN)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [(the_scoreboard(), "<circle"), (the_comparison(), "<circle"), (the_load(), "<polyline")],
    ids=["scoreboard", "comparison", "load"],
)
def test_a_page_is_drawn_without_complaint_and_without_a_network(tmp_path, text, drawn):
    file, picture = tmp_path / "page.html", tmp_path / "page.png"
    file.write_text(text, "utf-8")
    shown = subprocess.run(
        [
            BROWSER,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--window-size=1000,700",
            f"--screenshot={picture}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert drawn in shown.stdout
    assert "CONSOLE" not in shown.stderr
    assert picture.stat().st_size > 10_000  # an empty page of this size has 4 kB
