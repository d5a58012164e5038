import errno
import os

import pytest

from samplemind_cli.bench import report
from samplemind_cli.errors import SamplemindError, UsageError


def test_a_report_that_cannot_be_written_whole_leaves_what_was_there(tmp_path, monkeypatch):
    kept = tmp_path / "kept.json"
    kept.write_text("then")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SamplemindError, match=r"cannot write .*kept\.json: No space left on device"):
        report.write(kept, "now")

    assert kept.read_text() == "then"
    assert list(tmp_path.iterdir()) == [kept]


def test_a_pipe_gets_the_report_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    report.write(pipe, "now")

    assert os.read(reading, 9) == b"now"
    assert pipe.is_fifo()
    os.close(reading)


def test_a_file_that_cannot_be_replaced_is_written_over(tmp_path, monkeypatch):
    mount = tmp_path / "mount"
    mount.write_text("what was there before")

    def busy(*_):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    report.write(mount, "now")

    assert mount.read_text() == "now"
    assert list(tmp_path.iterdir()) == [mount]


def test_two_reports_are_not_written_into_one_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("there")
    with pytest.raises(UsageError, match="two reports cannot go to one file"):
        report.check_writable(tmp_path / "there", link)


def test_a_name_that_is_too_long_is_an_error_before_the_measuring(tmp_path):
    with pytest.raises(SamplemindError, match="File name too long"):
        report.check_writable(tmp_path / ("x" * 300))


def test_whether_a_file_can_be_written_is_found_out_without_a_trace(tmp_path):
    there = tmp_path / "there"
    there.write_text("then")

    report.check_writable(there, None, tmp_path / "new")

    assert there.read_text() == "then"
    assert list(tmp_path.iterdir()) == [there]


def test_a_link_to_a_file_that_is_not_there_yet_stays_a_link(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("target")

    report.check_writable(link)
    assert link.is_symlink()
    report.write(link, "now")

    assert (tmp_path / "target").read_text() == "now"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "ms", ""),
        (1.23456, "ms", "1.23 ms"),
        (12345.6, "MB", "12,346 MB"),
        (1.5, "x", "1.5x"),
        (0.05, "$", "$0.05"),
    ],
)
def test_an_amount_has_three_digits_and_its_unit(value, unit, shown):
    assert report.amount(value, unit) == shown


@pytest.mark.parametrize(
    ("now", "low", "high", "samples", "shown"),
    [
        (None, None, None, [], ""),
        (1.0, None, None, [1.0], ""),
        (1.0, None, None, [1.0, 2.0], "n=2"),
        (1.0, 0.5, None, [1.0] * 6, "0.5 to ?, n=6"),
        (1.0, 0.5, 2.0, [1.0] * 9, "0.5 to 2, n=9"),
    ],
)
def test_a_spread_tells_the_interval_as_far_as_it_is_bounded(now, low, high, samples, shown):
    assert report.spread({"now": now, "low": low, "high": high, "samples": samples}) == shown
