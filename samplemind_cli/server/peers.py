"""Finds the user of a local client: Linux lists each socket's user."""

import os
from asyncio import BaseTransport
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

TABLES = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
ROOT = 0  # it may read all our files anyway


def is_other_user(transport: BaseTransport | None) -> bool:
    """Whether the client is another user's program; False if the system cannot tell, as on macOS.

    A client that has disconnected counts as another user's: its user is unknown.
    """
    peer, own = (transport.get_extra_info(name) for name in ("peername", "sockname")) if transport else (None, None)
    if not (peer and own):
        return False
    table = TABLES[ip_address(peer[0]).version]
    try:
        rows = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return False
    ends = [_in_table(peer), _in_table(own)]
    users = [row.split()[7] for row in rows if row.split()[1:3] == ends and row.split()[9] != "0"]
    return not users or int(users[0]) not in (ROOT, os.geteuid())


def _in_table(end: tuple[Any, ...]) -> str:
    """An address and port as in the kernel's table: 32-bit words, lowest byte first."""
    address: IPv4Address | IPv6Address = ip_address(end[0].partition("%")[0])
    raw = address.packed
    words = (raw[at : at + 4][::-1].hex() for at in range(0, len(raw), 4))
    return f"{''.join(words)}:{end[1]:04x}".upper()
