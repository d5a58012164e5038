import errno
import fcntl
import os
from pathlib import Path

import pytest

from samplemind_cli import spool


def test_lines_are_appended_and_taken_once(tmp_path):
    folder = spool.folder(str(tmp_path))
    spool.append(folder, b"one\n")
    spool.append(folder, b"two\n")

    [(path, lines)] = spool.take(folder)
    Path(path).unlink()

    assert lines == b"one\ntwo\n"
    assert list(spool.take(folder)) == []


def test_nothing_is_taken_where_nothing_was_written(tmp_path):
    assert list(spool.take(str(tmp_path / "absent"))) == []


def test_a_link_in_its_place_is_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / spool.NAME).symlink_to(target)

    with pytest.raises(OSError, match=r".*"):
        spool.append(str(tmp_path), b"x\n")
    assert target.read_text() == "mine"


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    spool.append(str(tmp_path), b"one\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:2]))

    with pytest.raises(OSError, match="space"):
        spool.append(str(tmp_path), b"another\n")
    assert (tmp_path / spool.NAME).read_bytes() == b"one\n"


def test_a_spool_that_another_process_takes_each_time_is_an_error_and_not_written(tmp_path, monkeypatch):
    folder = spool.folder(str(tmp_path))
    spool.append(folder, b"one\n")
    path, flock = Path(folder, spool.NAME), fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda file, how: (path.unlink(missing_ok=True), flock(file, how)))

    with pytest.raises(BlockingIOError) as refused:
        spool.append(folder, b"two\n")

    assert refused.value.errno == errno.EAGAIN
    assert list(Path(folder).iterdir()) == []
