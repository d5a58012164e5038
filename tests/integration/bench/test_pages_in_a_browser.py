"""The pages as a browser without a network shows them."""

import pytest
from parts import browser

from samplemind_cli.bench import ab, board, load, page, report

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not browser.BINARY, reason="there is no headless Chromium on this machine"),
]
WHEN = "2026-11-22T21:00:00+0000"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    chromium = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


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
    return page.load_report(load.document(found, "open loop", "a mock"), WHEN)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [(the_scoreboard(), "<circle"), (the_comparison(), "<circle"), (the_load(), "<polyline")],
    ids=["scoreboard", "comparison", "load"],
)
def test_a_page_is_drawn_without_complaint_and_without_a_network(chromium, tmp_path, text, drawn):
    file = tmp_path / "page.html"
    file.write_text(text, "utf-8")
    shown = chromium.show(file.as_uri())

    assert drawn in shown.dom
    assert shown.complaints == []
    assert len(shown.picture) > 10_000  # an empty page of this size has 4 kB


def test_what_a_page_complains_of_is_heard(chromium, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<img src='https://example.com/a.png'><script>console.log('hm'); gone()</script>", "utf-8")
    complaints = " ".join(chromium.show(file.as_uri()).complaints)

    for said in ("hm", "gone is not defined", "ERR_NAME_NOT_RESOLVED"):
        assert said in complaints
