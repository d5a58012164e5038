"""This process as another user of the machine, for as long as it opens something."""

import os
import socket
from contextlib import contextmanager

import pytest

NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@contextmanager
def another_user():
    """Within it what this process opens is nobody's."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def answered(port, head, body=b"{}"):
    """What a server on loopback answers to another user's request; `head` without Host, length and the empty line."""
    with another_user(), socket.create_connection(("127.0.0.1", port), 30) as line:
        lengths = f"Host: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(f"{head}\r\n{lengths}".encode() + body)
        parts = []
        while part := line.recv(65536):
            parts.append(part)
        return b"".join(parts)
