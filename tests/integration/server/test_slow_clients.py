"""Clients that are slow, greedy or gone, on raw connections; the server waits for tenths of seconds here."""

import json
import re
import resource
import select
import socket
from contextlib import ExitStack

import pytest
from parts.raw_http import HI, post, talk
from parts.waiting import until

pytestmark = pytest.mark.integration
SOON = 0.3
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
STREAM = post(json.dumps({**HI, "stream": True}).encode())
ASKED = post(json.dumps(HI).encode())
MOST = 50_000_000  # bytes: far more than the kernel's buffers hold


@pytest.fixture
def bounded(serve):
    return lambda **bounds: serve(bounds={"sweep_time": 0.05, **bounds})


def connected(served, receive=None):
    client = socket.socket()
    if receive:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    client.settimeout(20)
    client.connect(("127.0.0.1", served.port))
    return client


def heard(client):
    """What comes until the server hangs up."""
    said = b""
    while data := client.recv(65536):
        said += data
    return said


def poured(client, data):
    """Send again and again until the server closes or resets; the number of bytes that it took."""
    sent = 0
    try:
        while sent < MOST:
            sent += client.send(data)
    except ConnectionError:
        return sent
    pytest.fail("the server takes whatever comes")


def test_a_head_that_drips_is_told_that_it_took_too_long(bounded):
    served = bounded(head_time=SOON)
    with connected(served) as client:
        client.sendall(b"GET / HTTP/1.1\r\nx: ")
        while not select.select([client], [], [], 0.02)[0]:
            client.send(b"y")

        said = heard(client)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "timeout"


def test_a_body_that_stalls_is_told_that_it_took_too_long(bounded):
    served = bounded(body_time=SOON)

    assert talk(served, ASKED[:-1]).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(("said", "bound"), [(b"", "head_time"), (b"\r\n", "head_time"), (HEALTH, "idle_time")])
def test_a_connection_that_says_no_more_is_closed(bounded, said, bound):
    served = bounded(**{bound: SOON})

    answered = talk(served, said)

    assert answered.count(b"HTTP/1.1 ") == (said == HEALTH)


def test_a_request_that_began_during_the_answer_before_it_has_its_time_after_it(bounded, mock_server):
    mock_server.behave(latency_ms=600)
    served = bounded(head_time=0.2, body_time=SOON)

    said = talk(served, ASKED + ASKED[:-1])

    assert b"You said: hi" in said
    assert said.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 408 " in said


def test_whoever_does_not_read_its_stream_is_hung_up_on_and_so_is_the_provider(bounded, mock_server):
    mock_server.behave(reply=("long" * 25_000 + " ") * 300, tokens_per_second=60)  # five seconds of it
    served = bounded(unread_time=SOON)
    with connected(served, receive=4096) as client:
        client.sendall(STREAM)
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)

        assert mock_server.wait_until(lambda: mock_server.requests[0].hung_up, 20)
    until(lambda: served.metric("samplemind_requests_at_work") == 0)


def test_whoever_asks_on_without_reading_is_not_listened_to_and_then_hung_up_on(bounded):
    served = bounded(unread_time=SOON)
    with connected(served, receive=4096) as client:
        assert poured(client, b"GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 100) < MOST
    until(lambda: served.metric("samplemind_connections") == 1)


def test_a_slow_reader_gets_all_of_it(bounded, mock_server):
    reply = "longer-words " * 2000
    mock_server.behave(reply=reply)
    served = bounded(unread_time=10)
    with connected(served, receive=4096) as client:
        client.sendall(STREAM.replace(b"host: 127.0.0.1", b"host: 127.0.0.1\r\nconnection: close"))
        said = b""
        while data := client.recv(4096):
            said += data

    assert said.count(b"longer-words") == 2000
    assert said.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_a_refused_client_that_does_not_stop_is_cut(bounded):
    served = bounded(linger_time=SOON)
    with connected(served) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")
        client.settimeout(0.05)

        until(lambda: cut(client))


def cut(client):
    try:
        client.send(b"more")
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nx: ",
        b"GET / HTTP/1.1\r\n",
        post(b"").replace(b"content-length: 0", b"transfer-encoding: chunked") + b"0\r\nx: ",
    ],
)
def test_a_header_without_end_is_too_large_long_before_it_fills_the_memory(served, beginning):
    with connected(served) as client:
        client.sendall(beginning + b"y" * 2_000_000)

        assert client.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_what_is_no_request_is_refused_after_the_answers_to_what_is(served):
    said = talk(served, ASKED + HEALTH + b"nonsense\r\n\r\n")

    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"200", b"400"]


def test_a_client_that_would_speak_another_protocol_is_answered_in_this_one(served):
    upgrade = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"

    said = talk(
        served,
        ASKED.replace(b"host: 127.0.0.1\r\n", b"host: 127.0.0.1\r\n" + upgrade)
        + HEALTH
        + b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    )

    assert b"You said: hi" in said
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"200", b"405"]


def test_a_half_closed_connection_is_a_client_that_has_left(served, mock_server):
    """From here it looks as one that was closed: nobody can tell before an answer is written."""
    mock_server.behave(faults=["stall"])
    with connected(served) as client:
        client.sendall(ASKED)
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)
        client.shutdown(socket.SHUT_WR)

        assert client.recv(4096) == b""
    assert mock_server.wait_until(lambda: mock_server.requests[0].hung_up)


def test_too_many_connections_are_sent_away_with_a_time(bounded):
    served = bounded(connections=2)
    with connected(served) as first, connected(served) as second:
        for client in (first, second):
            client.sendall(HEALTH)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")

        third = talk(served, b"")

    assert third.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in third
    until(lambda: talk(served, HEALTH.replace(b"host", b"connection: close\r\nhost")).startswith(b"HTTP/1.1 200 "))


def test_too_many_large_bodies_at_once_are_sent_away_with_a_time(bounded):
    served = bounded(bodies=10_000)
    with connected(served) as client:
        client.sendall(post(b" " * 9_000 + json.dumps(HI).encode())[:9_000])

        refused = talk(served, post(b" " * 9_000))

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in refused


def test_the_bodies_of_those_who_left_are_forgotten(bounded, mock_server):
    mock_server.behave(faults=["stall"])
    served = bounded(bodies=20_000)
    for n in range(1, 4):
        with connected(served) as client:
            client.sendall(post(b" " * 9_000 + json.dumps(HI).encode()))
            assert mock_server.wait_until(lambda n=n: len(mock_server.requests) == n)
        assert mock_server.wait_until(lambda n=n: mock_server.requests[n - 1].hung_up)
    mock_server.behave(faults=[])

    assert served.http.post("/v1/chat/completions", json=HI).status_code == 200


def test_as_many_connections_as_are_allowed_need_no_larger_limit_of_files_set_outside(serve):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
    try:
        served = serve()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    with ExitStack() as clients:
        for _ in range(150):
            clients.enter_context(connected(served))

        assert served.ask().status_code == 200


def test_a_client_that_sends_very_many_requests_ahead_is_sent_away(bounded, mock_server):
    mock_server.behave(latency_ms=300)
    served = bounded(ahead=10)

    said = talk(served, ASKED + HEALTH * 2000)

    statuses = re.findall(rb"HTTP/1.1 (\d+)", said)
    assert statuses[0] == b"200"
    assert statuses[-1] == b"503"
    assert len(statuses) <= 13
