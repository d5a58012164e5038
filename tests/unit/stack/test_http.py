import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.http import HttpConnection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answers(said, questions=1):
    """What the line makes of an other end that says `said` and hangs up."""
    ours, theirs = socket.socketpair()
    connection = HttpConnection(ours)
    try:
        with theirs:
            theirs.sendall(said)
            theirs.shutdown(socket.SHUT_WR)
            return [connection.get(f"/{number}") for number in range(questions)]
    finally:
        connection.close()


@given(st.lists(st.text(max_size=20)))
def test_answers_of_known_length_and_in_chunks_follow_one_another(data):
    body = json.dumps(data).encode()
    known = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1], body[1:]) if part)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"
    assert answers(known + chunked + known, 3) == [(200, data)] * 3


def test_an_answer_without_a_length_ends_with_the_connection():
    assert answers(b"HTTP/1.0 404 Not Found\r\n\r\n{}") == [(404, {})]


@pytest.mark.parametrize(
    "said", [b"", b"HTTP", b"HTTP/1.1 200 OK\r\n", HEAD + b"Content-Length: 9\r\n\r\n{", b"junk a\r\n"]
)
def test_a_cut_answer_is_an_error(said):
    with pytest.raises((OSError, ValueError)):
        answers(said)
