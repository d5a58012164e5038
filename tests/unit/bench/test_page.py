import re
from html.parser import HTMLParser

import pytest

from samplemind_cli.bench import ab, board, load, page, plots, report

VOID = {"meta", "circle", "rect", "line", "polyline", "br"}
WHEN = "2026-11-22T21:00:00+0000"


class Checked(HTMLParser):
    """Fails on a tag that is not closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(text):
    parser = Checked()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser.seen


def the_scoreboard():
    return page.scoreboard(
        report.document(
            [
                board.score("cache.redis-read", [0.5 + i / 100 for i in range(40)], note="<a> & b"),
                board.score("cache.hit-rate", [74.0]),
                board.skipped("build.seconds", 'no "Docker"'),
            ]
        )
    )


def the_comparison():
    found = ab.Comparison(pairs=[(1.0, 1.1 + i / 1000) for i in range(40)], low=1.05, ratio=1.12, high=1.2)
    return page.comparison(ab.document(found, ["<main>", "tree"], ["echo", "<b>"], 0.03), WHEN)


def the_load(empty=False):
    found = load.Load(seconds=1.0)
    for i in range(0 if empty else 500):
        for histogram in (found.scheduled, found.sent):
            histogram.add(0.01 + i / 1e5)
    return page.load_report(load.document(found, "open loop", "a mock"), WHEN)


@pytest.mark.parametrize("text", [the_scoreboard(), the_comparison(), the_load(), the_load(empty=True)])
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(text):
    seen = checked(text)

    assert not {tag for tag, _ in seen} & {"script", "link", "img", "iframe"}
    assert not any(name in ("src", "href") for _, attributes in seen for name in attributes)
    assert not re.search(r"https?:|url\(|@import", text)


def test_every_row_is_there_and_its_words_are_no_markup():
    text = the_scoreboard()

    assert [a["id"] for tag, a in checked(text) if tag == "tr" and "id" in a] == [
        "cache.redis-read",
        "cache.hit-rate",
        "build.seconds",
    ]
    assert "&lt;a&gt; &amp; b" in text
    assert "no &quot;Docker&quot;" in text


def test_a_plot_shows_every_sample_inside_its_frame():
    seen = checked(plots.strip([1.0, 2.0, 3.0], 1.5, 2.5, 10.0))
    dots = [float(a["cx"]) for tag, a in seen if tag == "circle"]

    assert len(dots) == 3
    assert dots == sorted(dots)
    assert all(0 <= x <= plots.WIDTH for x in dots)


def test_samples_that_are_all_the_same_can_be_drawn():
    checked(plots.strip([1.0, 1.0], 1.0, 1.0, None))
    checked(plots.series([1.0], 1.0, 1.0, 0.03))
    checked(plots.curve({0: 3}))


def test_pairs_beyond_the_scale_are_drawn_at_its_edge():
    seen = checked(plots.series([1.0] * 99 + [50.0], 0.99, 1.01, 0.03))
    heights = [float(a["cy"]) for tag, a in seen if tag == "circle"]

    assert all(0 <= y <= plots.HIGH for y in heights)
    assert len(heights) == 100


def test_a_curve_rises_to_the_slowest_answer():
    line = next(a for tag, a in checked(plots.curve({1000: 90, 2000: 9, 50_000: 1})) if tag == "polyline")
    points = [tuple(map(float, point.split(","))) for point in line["points"].split()]

    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_a_comparison_says_what_its_ratio_is():
    assert "<small>1.120x is the median of 40 ratios" in the_comparison()
