import fcntl

import pytest

from samplemind_cli.launching import address_lock

HERE = ("127.0.0.1", 8000)


def test_an_address_is_locked_for_as_long_as_it_is_served(tmp_path):
    state = str(tmp_path / "state")
    assert not address_lock.is_held(state, *HERE)
    with address_lock.hold(state, *HERE):
        assert address_lock.is_held(state, *HERE)
        assert not address_lock.is_held(state, "127.0.0.1", 8001)
    assert not address_lock.is_held(state, *HERE)


def test_who_listens_everywhere_listens_here_too(tmp_path):
    with address_lock.hold(str(tmp_path), "0.0.0.0", 8000):
        assert address_lock.is_held(str(tmp_path), *HERE)


@pytest.mark.parametrize("elsewhere", [("::1", 8000), ("127.0.0.2", 8000), ("192.168.1.5", 8000)])
def test_another_address_of_the_same_port_may_be_anybodys(tmp_path, elsewhere):
    with address_lock.hold(str(tmp_path), *elsewhere):
        assert not address_lock.is_held(str(tmp_path), *HERE)


def test_what_a_killed_server_left_locks_nothing(tmp_path):
    (tmp_path / "serve").mkdir(mode=0o700)
    (tmp_path / "serve" / "127.0.0.1-8000").touch()
    assert not address_lock.is_held(str(tmp_path), *HERE)


def test_a_lock_is_no_link(tmp_path):
    (tmp_path / "serve").mkdir(mode=0o700)
    with (tmp_path / "elsewhere").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (tmp_path / "serve" / "127.0.0.1-8000").symlink_to(tmp_path / "elsewhere")
        assert not address_lock.is_held(str(tmp_path), *HERE)


def test_where_nothing_can_be_written_the_server_runs_without_a_lock(tmp_path):
    (tmp_path / "file").touch()
    with address_lock.hold(str(tmp_path / "file"), *HERE):
        assert not address_lock.is_held(str(tmp_path / "file"), *HERE)
