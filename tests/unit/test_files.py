"""Files written among other processes."""

import os
import resource
import stat

import pytest

from samplemind_cli import files


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_replaced_whole_with_the_mode_asked_for(tmp_path, mode):
    file = tmp_path / "record"
    file.write_text("before, and longer")

    files.write(file, b"after", mode=mode)

    assert file.read_bytes() == b"after"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_what_was_there_and_nothing_beside_it(tmp_path, monkeypatch):
    file = tmp_path / "record"
    file.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write(file, b"after")

    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("another's")
    link.symlink_to(target)

    files.write(link, b"ours")

    assert target.read_text() == "another's"
    assert link.read_text() == "ours"


def test_what_cannot_be_read_is_an_empty_text(tmp_path):
    assert files.text(tmp_path / "absent") == ""
    assert files.text(tmp_path) == ""


def test_more_files_may_be_open_after_it_as_far_as_the_system_lets_us():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        for wanted in (300, 250):
            files.allow_open(wanted)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
