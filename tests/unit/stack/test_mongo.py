import socket
import struct
import threading

import bson
import pytest

from samplemind_cli.stack.mongo import server_status

OP_MSG, HEADER = 2013, struct.Struct("<iiii")
STATUS = {"ok": 1.0, "host": "box", "wiredTiger": {"cache": {"maximum bytes configured": 1 << 40}}}
HELLO = {"ok": 1.0, "isWritablePrimary": True, "maxWireVersion": 25, "minWireVersion": 0}
REFUSED = {"ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": "command serverStatus requires authentication"}


class Server:
    """A port that speaks MongoDB's protocol: hello, and one answer to all else. `asked`: the commands."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                line = self.listener.accept()[0]
                threading.Thread(target=self.converse, args=(line,), daemon=True).start()
        except OSError:
            pass

    def converse(self, line):
        with line, line.makefile("rb") as stream:
            while len(head := stream.read(HEADER.size)) == HEADER.size:
                length, request, _, code = HEADER.unpack(head)
                body = stream.read(length - HEADER.size)
                command = bson.decode(body[5:]) if code == OP_MSG else {"hello": 1}
                self.asked.append(command)
                self.reply(line, request, code, HELLO if {"hello", "ismaster"} & {*command} else self.answer)

    def reply(self, line, request, code, document):
        body = bson.encode(document)
        # Before a server's version is known, the driver says hello with the protocol's first kind of message.
        body = struct.pack("<IB", 0, 0) + body if code == OP_MSG else struct.pack("<iqii", 8, 0, 0, 1) + body
        line.sendall(HEADER.pack(HEADER.size + len(body), 0, request, OP_MSG if code == OP_MSG else 1) + body)


@pytest.fixture
def serve():
    """A function that makes a server with one answer."""
    servers = []

    def serve(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield serve
    for server in servers:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


def test_the_status_of_a_server_is_read_whole(serve):
    server = serve(STATUS)
    assert server_status(server.address, 5) == STATUS
    asked = next(command for command in server.asked if "serverStatus" in command)
    assert (asked["serverStatus"], asked["$db"]) == (1, "admin")


def test_a_refusal_is_told_without_the_drivers_state(serve):
    with pytest.raises(OSError, match=r"^command serverStatus requires authentication$"):
        server_status(serve(REFUSED).address, 5)


def test_nobody_there_is_told_within_the_time_limit():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(OSError, match=r"^127\.0\.0\.1:\d+: .*refused$"):
        server_status(address, 0.1)
