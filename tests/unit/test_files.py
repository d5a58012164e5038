"""Files written among other processes."""

import errno
import os
import resource
import stat
import time

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


@pytest.mark.parametrize(
    ("code", "hint"),
    [(errno.ENOSPC, "free space there"), (errno.EDQUOT, "free space there"), (errno.EACCES, "export X=FOLDER"),
     (errno.ENOTDIR, "export X=FOLDER"), (errno.EROFS, "export X=FOLDER")],
)  # fmt: skip
def test_a_full_disk_wants_room_and_what_cannot_be_written_to_another_folder(code, hint):
    assert files.remedy(OSError(code, "why"), "X").startswith(hint)


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


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_private_folders_are_the_users_alone_under_any_umask_parents_included(tmp_path):
    folder = files.private_folder(tmp_path / "parent" / "samplemind", "profiles", "1")

    assert folder == str(tmp_path / "parent" / "samplemind" / "profiles" / "1")
    assert {mode(path) for path in tmp_path.rglob("*")} == {0o700}


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("how", ["w", "a", "x+b"])
def test_a_file_opened_privately_is_readable_by_its_user_alone_under_any_umask(tmp_path, how):
    with open(tmp_path / "record", how, opener=files.private_opener):
        pass

    assert mode(tmp_path / "record") == 0o600


def test_a_file_that_was_open_to_others_is_closed_to_them_when_it_is_written_privately(tmp_path):
    (tmp_path / "record").touch()
    (tmp_path / "record").chmod(0o666)

    with open(tmp_path / "record", "a", opener=files.private_opener):
        pass

    assert mode(tmp_path / "record") == 0o600


def test_a_private_file_is_not_written_through_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic link"), open(tmp_path / "link", "w", opener=files.private_opener):
        pass

    assert not (tmp_path / "target").exists()


def test_folders_that_others_could_enter_are_closed_to_them_and_their_parents_left_alone(tmp_path):
    root = tmp_path / "state" / "samplemind"
    (root / "profiles").mkdir(parents=True)
    for folder in (tmp_path / "state", root, root / "profiles"):
        folder.chmod(0o777)

    files.private_folder(root, "profiles")

    assert [mode(path) for path in (tmp_path / "state", root, root / "profiles")] == [0o777, 0o700, 0o700]


def test_a_folder_of_another_user_is_never_used_as_a_private_one(tmp_path, monkeypatch):
    (tmp_path / "samplemind").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(PermissionError, match="not a folder that you own"):
        files.private_folder(tmp_path / "samplemind")


def test_a_file_where_a_private_folder_should_be_is_an_error(tmp_path):
    (tmp_path / "samplemind").touch()

    with pytest.raises(OSError, match="samplemind"):
        files.private_folder(tmp_path / "samplemind", "profiles")


def test_a_file_is_read_up_to_a_size_from_an_offset_and_never_through_a_link(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"12345")
    link.symlink_to(file)

    assert files.read(str(file), 5) == b"12345"
    assert files.read(str(file), 5, begin=3) == b"45"
    assert files.read(str(file), 4) == b""
    with pytest.raises(OSError, match="symbolic"):
        files.read(str(link), 5)


@pytest.mark.parametrize(("age", "used"), [(100, True), (10, False), (-100, True)])
def test_a_file_that_is_read_counts_as_used_if_that_was_long_ago(tmp_path, age, used):
    file = tmp_path / "file"
    file.write_bytes(b"1")
    then = time.time() - age
    os.utime(file, (then, then))

    files.read(str(file), 5, rest=50)

    assert (abs(file.stat().st_atime - then) > 50) == used
    assert file.stat().st_mtime == pytest.approx(then, abs=0.01)
