"""What is read does not depend on how the bytes come in pieces."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from samplemind_cli.server.bounds import Bounds, ByteBudget, Share
from samplemind_cli.server.message import HttpError
from samplemind_cli.server.reading import RequestReader

BODY = json.dumps({"model": "auto"}).encode()
HOST = b"host: 127.0.0.1\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"HEAD /a%20b/?q=1 HTTP/1.1\r\n" + HOST + b"x-request-id: me\r\nx-a: 1\r\nX-A: 2\r\n\r\n",
    b"POST /p HTTP/1.1\r\n" + HOST + b"content-length: %d\r\n\r\n" % len(BODY) + BODY,
    b"POST /c HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    b'5;x=y\r\n{"a":\r\n2\r\n1}\r\n0\r\nhost: evil\r\nauthorization: Bearer t\r\n\r\n',
    b"GET http://localhost:1/abs HTTP/1.1\r\nhost: other\r\n\r\n",
    b"POST /h2c HTTP/1.1\r\n" + HOST + b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    b"http2-settings: AAMAAABk\r\ncontent-length: 2\r\n\r\n{}",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
]  # fmt: skip
LAST = [
    b"GET /one HTTP/1.0\r\n\r\n",
    b"GET /x HTTP/1.1\r\n\r\n",
    b"GET /x\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /x HTTP/1.1\r\n" + HOST + b"transfer-encoding: gzip, chunked\r\n\r\n",
    b"POST /x HTTP/1.1\r\n" + HOST + b"content-length: 999999\r\n\r\n",
    b"GET /x HTTP/1.1\r\n" + HOST + b"x: " + b"y" * 3000 + b"\r\n\r\n",
]


class Heard:
    """Everything that a reader tells, in order."""

    def __init__(self):
        self.told = []

    def number(self):
        return "n"

    def begin(self, incoming):
        self.told.append(("begin", incoming.method, incoming.path))

    def welcome(self):
        self.told.append("welcome")

    def take(self, incoming):
        fields = ("method", "path", "query", "headers", "body", "id", "keep_alive", "chunked")
        self.told.append({name: getattr(incoming, name) for name in fields})


def heard(pieces):
    listener, budget = Heard(), ByteBudget(1000)
    share = Share(budget)
    reader = RequestReader(listener, Bounds(head=2000, body=500), share)
    for piece in pieces:
        if not reader.refusal:
            reader.feed(piece)
    refused = reader.refusal and (reader.refusal.refused.status, reader.refusal.method, reader.refusal.keep_alive)
    share.close()
    assert budget.held == 0
    return listener.told, refused


@settings(deadline=None)
@given(st.lists(st.sampled_from(WHOLE), max_size=4), st.sampled_from([b"", *LAST]), st.data())
def test_pieces_of_any_size_are_read_as_the_whole_is(requests, last, data):
    sent = b"".join(requests) + last
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    assert heard(pieces) == heard([bytes([byte]) for byte in sent]) == heard([sent])


def test_trailers_are_no_headers():
    (_, taken), _ = heard([WHOLE[3]])

    assert taken["headers"] == {"host": "127.0.0.1", "transfer-encoding": "chunked"}
    assert taken["body"] == b'{"a":1}'


def test_the_authority_of_an_absolute_target_is_the_host():
    (_, taken), _ = heard([WHOLE[4]])

    assert (taken["path"], taken["headers"]["host"]) == ("/abs", "localhost:1")


def test_a_body_whose_head_was_refused_takes_no_room():
    class Refusing(Heard):
        def begin(self, incoming):
            incoming.refused = HttpError(401, "no").reply()

    budget = ByteBudget(1000)
    listener = Refusing()
    reader = RequestReader(listener, Bounds(), Share(budget))
    reader.feed(WHOLE[2][:-2])

    assert budget.held == 0
    reader.feed(WHOLE[2][-2:])
    assert listener.told[-1]["body"] == b""
