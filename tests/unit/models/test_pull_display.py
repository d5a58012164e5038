import pytest

from samplemind_cli.models.daemon import PullEvent
from samplemind_cli.models.pull import Download
from samplemind_cli.models.pull_display import PullDisplay, Rate, progress_text
from samplemind_cli.models.pull_plan import arrange
from samplemind_cli.models.wire import Layer, Manifest


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ((0, None, 0), "0 B"),
        ((1_200_000_000, 3_400_000_000, 20e6), "1.2 GB of 3.4 GB, 20.0 MB/s, 1:50 left"),
        ((5_000_000, None, 1e6), "5.0 MB, 1.0 MB/s"),
    ],
)
def test_progress_in_words(told, text):
    assert progress_text(*told) == text


def test_progress_in_few_words():
    assert progress_text(350, 1000, 65, short=True) == "35% 65 B/s 0:10"


def test_a_rate_is_of_late_and_counts_nothing_that_was_there_at_first():
    rate = Rate()
    assert rate.value == 0
    for second in range(30):
        rate.add(second, 0 if second < 5 else 1000 + 10 * second if second < 15 else 1150 + 50 * (second - 15))
    assert rate.value == 50
    rate.add(31, 3)
    assert rate.value == 0


def test_without_a_terminal_a_line_is_said_when_something_changes(capfd):
    download = Download(arrange({"m:1": None}, {"m:1": Manifest((Layer("sha256:a", 1000),))}).items[0])
    with PullDisplay() as board:
        board.show(download)
        download.begin()
        for done in range(0, 1000, 10):
            download.take(PullEvent("pulling", "sha256:a", done, 1000))
            board.show(download)
        download.phase, download.trouble = "trying again", "it broke off"
        board.show(download)
        download.phase = "done"
        board.show(download)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["m:1: pulling", "m:1: trying again: it broke off", "m:1: done"]
