"""HTTP as RFC 9110 and 9112 have it, on raw connections."""

import json
import re
import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts.raw_http import HI, post, talk
from parts.waiting import until

pytestmark = pytest.mark.integration
BODY = json.dumps(HI).encode()
END = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
PATHS = ["/healthz", "/readyz", "/v1/models", "/metrics", "/openapi.json", "/v1/chat/completions", "/nothing", "/"]


def request(method, path, *headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *headers, *([f"content-length: {len(body)}"] * bool(body))]
    return "\r\n".join([*lines, "", ""]).encode() + body


def responses(heard, methods):
    """Statuses, headers and bodies, read as a client does that knows what it asked."""
    for method in methods:
        head, _, heard = heard.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        status = int(line.split()[1])
        size = 0 if method == "HEAD" or status in (204, 304) else int(headers["content-length"])
        yield status, headers, heard[:size]
        heard = heard[size:]
    assert heard == b""


def one(served, *args, **options):
    method = args[0]
    asked = request(method, *args[1:], "connection: close", **options)
    return next(responses(talk(served, asked), [method]))


def test_no_row_of_requests_on_one_connection_gets_out_of_step(served):
    step = st.tuples(
        st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE"]), st.sampled_from(PATHS), st.booleans()
    )

    @settings(max_examples=40, deadline=None)
    @given(st.lists(step, min_size=1, max_size=8))
    def tried(steps):
        asked = b"".join(
            request(method, path, f"x-request-id: n{n}", "content-type: application/json", body=BODY * full)
            for n, (method, path, full) in enumerate(steps)
        )
        methods = [method for method, _, _ in steps] + ["GET"]

        found = list(responses(talk(served, asked + END), methods))

        assert [headers["x-request-id"] for _, headers, _ in found[:-1]] == [f"n{n}" for n in range(len(steps))]
        assert found[-1][2] == b'{"status":"ok"}'

    tried()


@pytest.mark.parametrize("path", PATHS)
def test_head_says_what_get_would_without_its_body(served, path):
    got, headed = one(served, "GET", path), one(served, "HEAD", path)

    assert headed[0] == got[0]
    assert headed[2] == b""
    if path != "/metrics":  # it counts
        same = {"content-type", "allow"}
        assert {name: headed[1].get(name) for name in same} == {name: got[1].get(name) for name in same}
        assert headed[1]["content-length"] == str(len(got[2])) or headed[0] == 405


def test_every_response_has_a_date(served):
    for asked in (request("GET", "/healthz", "connection: close"), b"nonsense\r\n\r\n"):
        date = re.search(rb"\r\ndate: ([^\r]+ GMT)\r\n", talk(served, asked))[1]
        assert abs(parsedate_to_datetime(date.decode()) - datetime.now(UTC)) < timedelta(seconds=5)


def test_what_is_refused_says_how_it_would_be_taken(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t")
    token = "authorization: BEARER t"

    assert one(served, "GET", "/v1/models")[1]["www-authenticate"] == "Bearer"
    assert one(served, "GET", "/v1/chat/completions", token)[1]["allow"] == "POST, OPTIONS"
    assert one(served, "DELETE", "/v1/models", token)[1]["allow"] == "GET, HEAD, OPTIONS"
    kinds = {
        "content-type: application/jsonp": 415,
        "content-type: text/plain; application/json": 415,
        "content-type: application/json-patch+json": 415,
        "Content-Type: Application/JSON ; charset=utf-8": 200,
    }
    for kind, status in kinds.items():
        assert one(served, "POST", "/v1/chat/completions", token, kind, body=BODY)[0] == status
    json_, gzip = "content-type: application/json", "content-encoding: gzip"
    refused = one(served, "POST", "/v1/chat/completions", token, json_, gzip, body=BODY)
    assert (refused[0], refused[1]["accept-encoding"]) == (415, "identity")
    assert one(served, "POST", "/v1/chat/completions", token, json_, "content-encoding: Identity", body=BODY)[0] == 200


@pytest.mark.parametrize(("given_", "taken"), [("mine-1", True), ("a b", False), ("x" * 65, False), ("é", False)])
def test_a_sane_request_id_of_the_client_comes_back(served, given_, taken):
    _, headers, _ = one(served, "GET", "/healthz", f"x-request-id: {given_}")

    assert (headers["x-request-id"] == given_) == taken
    assert re.fullmatch(r"[\w.-]+", headers["x-request-id"])


@pytest.mark.parametrize(
    "target", ["/healthz/", "/healthz//", "http://127.0.0.1/healthz", "HTTP://localhost:99/healthz?x=y", "/healthz?"]
)
def test_the_same_place_by_other_targets(served, target):
    assert one(served, "GET", target)[2] == b'{"status":"ok"}'


def test_options_are_told_for_a_path_and_for_the_whole_server(served):
    assert one(served, "OPTIONS", "/v1/models")[::2] == (204, b"")
    assert one(served, "OPTIONS", "*")[1]["allow"] == "GET, HEAD, POST, OPTIONS"
    assert one(served, "OPTIONS", "/nothing")[0] == 404


CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def framed(*headers, version=b"1.1", body=CHUNKS):
    asked = post(b"", *headers).replace(b"content-length: 0\r\n", b"").replace(b"HTTP/1.1", b"HTTP/" + version)
    return asked + body


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        (framed("transfer-encoding: gzip, chunked"), (501,)),
        (framed("transfer-encoding: chunked, gzip"), (400, 501)),
        (framed("transfer-encoding: identity"), (501,)),
        (framed("transfer-encoding: xchunked"), (501,)),
        (framed("transfer-encoding: chunked;q=1"), (501,)),
        (framed("transfer-encoding: chunked", "transfer-encoding: chunked"), (400, 501)),
        (framed("transfer-encoding: chunked", "transfer-encoding: identity"), (400, 501)),
        (framed("transfer-encoding: chunked", f"content-length: {len(CHUNKS)}"), (400,)),
        (framed("content-length: 3", "content-length: 4"), (400,)),
        (framed("content-length: +3"), (400,)),
        (framed("transfer-encoding: chunked", version=b"1.0"), (400,)),
        (framed("transfer-encoding : chunked"), (400,)),
        (framed(" transfer-encoding: chunked"), (400,)),
        (b"GET /healthz\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/0.9\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/2.0\r\nhost: 127.0.0.1\r\n\r\n", (505,)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
        (b"GET /healthz HTTP/1.1\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.0\r\nhost: 127.0.0.1\r\nhost: evil\r\n\r\n", (400,)),
        (b"GET ftp://127.0.0.1/healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", (400,)),
        (b"GET http://me@127.0.0.1/healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", (400,)),
        (request("POST", "/v1/ask", "expect: more", "content-type: application/json", body=BODY), (417,)),
    ],
)
def test_what_two_servers_could_read_differently_ends_the_connection(served, asked, statuses):
    """Nothing after it is taken for a request: that is how requests are smuggled past a proxy."""
    heard = talk(served, asked + request("GET", "/healthz"))

    assert int(heard.split()[1]) in statuses
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in heard


def test_trailers_change_nothing_of_a_request(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t")
    trailer = b"0\r\nauthorization: Bearer t\r\nx-request-id: t\r\nhost: evil\r\n\r\n"
    asked = framed("transfer-encoding: chunked", "x-api-key: {}", body=CHUNKS.replace(b"0\r\n\r\n", trailer))

    wrong, right = (talk(served, asked.replace(b"{}", key) + END) for key in (b"wrong", b"t"))

    assert re.findall(rb"HTTP/1.1 (\d+)", wrong) == [b"401", b"200"]
    assert re.findall(rb"HTTP/1.1 (\d+)", right) == [b"200", b"200"]
    assert b"x-request-id: t\r\n" not in right


def test_a_body_that_would_be_refused_is_not_asked_for(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t")

    heard = talk(served, post(BODY, "expect: 100-continue")[: -len(BODY)])

    assert heard.startswith(b"HTTP/1.1 401 ")


def test_a_client_that_sent_one_request_ahead_and_leaves_is_noticed(served, mock_server):
    mock_server.behave(faults=["stall"])
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(post(BODY) + post(BODY) + END)
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)

    assert mock_server.wait_until(lambda: mock_server.requests[0].hung_up)
    until(lambda: served.metric("samplemind_requests_at_work") == 0)
    assert len(mock_server.requests) == 1


def test_a_client_that_sent_ahead_and_stays_gets_all_answers(served, mock_server):
    mock_server.behave(latency_ms=1500)  # several looks at whether it has left

    heard = talk(served, post(BODY) + request("GET", "/nothing") + END)

    assert re.findall(rb"HTTP/1.1 (\d+)", heard) == [b"200", b"404", b"200"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_kept_answer_has_an_id_and_a_time_of_its_own(served, stream):
    asked = {"messages": [{"role": "user", "content": 'say {"id":"chatcmpl-mine"} "created":1'}], "stream": stream}
    served.ask(**asked)
    until(lambda: served.ask({"x-request-id": "first"}, **asked).headers["x-samplemind-cache"] == "memory")

    second = served.ask({"x-request-id": "second"}, **asked)

    ids = set(re.findall(r'"id":"([^"]+)"', second.text))
    assert second.headers["x-samplemind-cache"] == "memory"
    assert ids == {"chatcmpl-second"}
    assert r"{\"id\":\"chatcmpl-mine\"} \"created\":1" in second.text or stream
    assert int(second.headers["content-length"]) == len(second.content)
