"""Finds the user of a local client: Linux lists each socket's user."""

import os
from asyncio import BaseTransport
from ipaddress import ip_address
from pathlib import Path
from typing import Any

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
MAPPED = bytes(10) + b"\xff\xff"  # before an IPv4 address of a client whose socket is of IPv6, as Java's are
ROOT = 0  # it may read all our files anyway


def other_user(transport: BaseTransport | None) -> str:
    """The id of the other user whose program the client is; empty for our own, or if the system cannot tell (macOS).

    A client that has disconnected counts as another user's: its user is "unknown".
    """
    peer, own = (transport.get_extra_info(name) for name in ("peername", "sockname")) if transport else (None, None)
    if not (peer and own):
        return ""
    try:
        rows = [row.split() for table in TABLES if table.exists() for row in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return ""
    if not rows:
        return ""
    ends = [[_in_table(peer, prefix), _in_table(own, prefix)] for prefix in (b"", MAPPED)]
    user = next((row[7] for row in rows if row[1:3] in ends and row[9] != "0"), "unknown")
    return "" if user in (str(ROOT), str(os.geteuid())) else user


def _in_table(end: tuple[Any, ...], prefix: bytes) -> str:
    """An address and port as in the kernel's tables: 32-bit words, lowest byte first."""
    raw = prefix + ip_address(end[0].partition("%")[0]).packed
    words = (raw[at : at + 4][::-1].hex() for at in range(0, len(raw), 4))
    return f"{''.join(words)}:{end[1]:04x}".upper()
