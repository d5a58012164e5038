import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.mock.http1 import MAX_BODY, BadRequest, ClientConnection, HttpRequest, phrase


class Writer:
    """What an asyncio.StreamWriter is to a Connection."""

    def __init__(self):
        self.written = b""

    def write(self, data):
        self.written += data

    async def drain(self):
        pass


def conversation(data, times=1):
    """The requests that `data`, and then the end, are read as; and what was written back meanwhile."""

    async def read():
        reader, writer = asyncio.StreamReader(), Writer()
        reader.feed_data(data)
        reader.feed_eof()
        connection = ClientConnection(reader, writer)
        return [await connection.request() for _ in range(times)], writer.written

    return asyncio.run(read())


def test_a_request_is_read_with_its_query_and_body():
    (request,), _ = conversation(b'POST /a%20b?alt=sse HTTP/1.1\r\nX-Key: v\r\nContent-Length: 7\r\n\r\n{"a":1}')
    assert (request.method, request.path, request.query) == ("POST", "/a b", {"alt": "sse"})
    assert (request.headers["x-key"], request.json) == ("v", {"a": 1})


def test_requests_that_come_together_are_read_one_by_one():
    requests, _ = conversation(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", times=3)
    assert [request and request.path for request in requests] == ["/1", "/2", None]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_a_body_in_chunks_is_joined(parts):
    chunks = b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in parts)
    (request, following), _ = conversation(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", times=2
    )
    assert request.body == b"".join(parts)
    assert following.path == "/2"


def test_a_client_that_waits_for_permission_gets_it():
    (request,), written = conversation(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    assert request.json == {}
    assert written == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nContent-Length: two\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, 431),
    ],
)
def test_what_is_no_request_is_refused_with_a_status(data, status):
    with pytest.raises(BadRequest) as refused:
        conversation(data)
    assert refused.value.status == status


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    try:
        requests, _ = conversation(data)
    except BadRequest:
        return
    assert all(request is None or isinstance(request, HttpRequest) for request in requests)


@pytest.mark.parametrize("cut", [b"", b"POST / HTTP/1.1\r\nConte", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"])
def test_a_client_that_leaves_in_the_middle_sent_no_request(cut):
    assert conversation(cut)[0] == [None]


def test_a_body_that_is_no_json_says_so():
    (request,), _ = conversation(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\xff\xfe")
    with pytest.raises(ValueError, match=r"."):
        _ = request.json


def test_every_status_has_a_name():
    assert [phrase(429), phrase(529), phrase(599)] == ["Too Many Requests", "Overloaded", "Unknown"]
