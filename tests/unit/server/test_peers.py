import asyncio
import os
import socket
from contextlib import closing

import pytest

from samplemind_cli.server import peers


class Wire:
    """A transport between two sockets of this machine."""

    def __init__(self, accepted):
        self._ends = {"peername": accepted.getpeername(), "sockname": accepted.getsockname()}

    def get_extra_info(self, name):
        return self._ends[name]


@pytest.fixture(params=[("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.0.0.1", "::ffff:127.0.0.1")])
def connected(request):
    host, asked = request.param
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection((asked, listener.getsockname()[1]))
        accepted = listener.accept()[0]
        with closing(client), closing(accepted):
            yield client, Wire(accepted)


def test_this_users_own_program_is_nobody_else(connected):
    assert not peers.other_user(connected[1])


def test_another_users_program_is_told_by_its_socket(connected, monkeypatch):
    mine = os.geteuid()
    monkeypatch.setattr(peers, "ROOT", -1)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert peers.other_user(connected[1]) == str(mine)


def test_whoever_hung_up_is_not_taken_for_root(connected):
    client, wire = connected
    client.close()
    assert peers.other_user(wire) == "unknown"


def test_where_nobody_tells_or_nobody_is_connected_no_one_is_accused(connected, monkeypatch, tmp_path):
    assert not peers.other_user(None)
    assert not peers.other_user(asyncio.BaseTransport({"peername": None}))
    monkeypatch.setattr(peers, "TABLES", (tmp_path / "absent",))
    assert not peers.other_user(connected[1])
