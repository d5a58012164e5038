import contextlib
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.mongo import OP_MSG, decoded, server_status


def bson(*elements):
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def element(kind, name, value):
    return bytes([kind]) + name.encode() + b"\0" + value


STATUS = bson(
    element(0x02, "host", struct.pack("<i", 4) + b"box\0"),
    element(0x01, "uptime", struct.pack("<d", 4.5)),
    element(0x08, "primary", b"\1"),
    element(0x07, "id", b"x" * 12),
    element(0x0A, "nothing", b""),
    element(0x05, "hash", struct.pack("<i", 3) + b"\0abc"),
    element(0x11, "when", struct.pack("<Q", 7)),
    element(0x13, "decimal", b"x" * 16),
    element(0x04, "list", bson(element(0x10, "0", struct.pack("<i", -1)))),
    element(
        0x03,
        "wiredTiger",
        bson(element(0x03, "cache", bson(element(0x12, "maximum bytes configured", struct.pack("<q", 1 << 40))))),
    ),
)


def test_reads_every_kind_that_a_status_holds():
    status = decoded(STATUS)
    assert (status["host"], status["uptime"], status["primary"], status["list"]) == ("box", 4.5, True, {"0": -1})
    assert status["wiredTiger"]["cache"]["maximum bytes configured"] == 1 << 40


@given(st.integers(min_value=0, max_value=len(STATUS) - 1))
def test_a_cut_document_is_a_value_error(length):
    with pytest.raises(ValueError, match="not BSON"):
        decoded(STATUS[:length])


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_value_error(data):
    with contextlib.suppress(ValueError):
        decoded(data)


def served(answer):
    """A port on which one connection gets `answer`; and what was asked, once it was."""
    listener, asked = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        with listener, listener.accept()[0] as line:
            asked.append(line.recv(4096))
            line.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname(), asked, thread


def test_asks_for_the_server_status_in_one_message():
    body = struct.pack("<IB", 0, 0) + STATUS
    address, asked, thread = served(struct.pack("<iiii", 16 + len(body), 9, 1, OP_MSG) + body)
    assert server_status(address, 5)["host"] == "box"
    thread.join()
    length, _, _, code = struct.unpack("<iiii", asked[0][:16])
    assert (length, code) == (len(asked[0]), OP_MSG)
    assert decoded(asked[0][21:]) == {"serverStatus": 1, "$db": "admin"}


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", struct.pack("<iiii", 100, 0, 0, OP_MSG)])
def test_another_protocol_or_a_cut_answer_is_an_error(answer):
    address, _, thread = served(answer)
    with pytest.raises((OSError, ValueError)):
        server_status(address, 5)
    thread.join()


@pytest.mark.parametrize("kind", [0x02, 0x05])
def test_a_length_that_leads_back_is_an_error_and_no_way_without_end(kind):
    with pytest.raises(ValueError, match="not BSON"):
        decoded(bson(element(kind, "x", struct.pack("<i", -11) + b"ab")))
