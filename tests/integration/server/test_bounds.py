import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from parts.raw_http import HI, post, talk
from parts.waiting import until

from samplemind_cli.dashboard.call_history import spans
from samplemind_cli.ledger import log
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
TOKEN = "t0ken-of-a-test"


def test_a_non_loopback_bind_demands_a_token(serve):
    with pytest.raises(pytest.fail.Exception, match="SAMPLEMIND_API_TOKEN"):
        serve("--host", "0.0.0.0")


def test_the_token_opens_everything_and_health_needs_none(serve):
    served = serve(SAMPLEMIND_API_TOKEN=TOKEN)

    assert [served.http.get(path).status_code for path in ("/healthz", "/readyz", "/v1/models", "/metrics")] == [
        200,
        200,
        401,
        401,
    ]
    wrong, right = ({"authorization": f"Bearer {token}"} for token in ("wrong", TOKEN))  # as the official client has it
    assert served.http.get("/v1/models", headers=wrong).status_code == 401
    assert served.http.get("/v1/models", headers=right).status_code == 200
    for _ in range(2):
        assert served.ask(right).json()["choices"][0]["message"]["content"] == "You said: hi"
    assert served.ask().status_code == 401  # also what lies in memory
    served.stop()
    assert TOKEN not in served.log


def test_a_web_page_may_not_use_the_way_to_loopback(served):
    assert served.ask({"origin": "https://evil.example"}).status_code == 403
    plain = served.http.post("/v1/chat/completions", content=json.dumps(HI), headers={"content-type": "text/plain"})
    assert plain.status_code == 415


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (post(b"", "content-length: 5"), 400),
        (post(b"0\r\n\r\n", "transfer-encoding: chunked"), 400),
    ],
)
def test_what_is_not_http_or_too_much_of_it_is_refused(served, request_, status):
    assert talk(served, request_).split()[1] == b"%d" % status


@pytest.mark.parametrize("chunked", [True, False])
def test_fifty_megabytes_are_refused_in_words(served, chunked):
    body = b"x" * 50_000_000
    content = iter([body[:25_000_000], body[25_000_000:]]) if chunked else body

    refused = served.http.post("/v1/chat/completions", content=content, headers={"content-type": "application/json"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"model": "auto"}',
        b'{"model": "auto", "messages": []}',
        b'{"model": "auto", "messages": "hi"}',
        b'{"model": "auto", "messages": [7]}',
        b'{"model": "auto", "messages": [{"role": "king", "content": "hi"}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": 7}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": 7, "messages": [{"role": "user", "content": "hi"}]}',
        b'{"model": "a\\r\\nx-evil: 1", "messages": [{"role": "user", "content": "hi"}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "temperature": 9}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "n": 2}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function"}]}',
        b'{"model": "auto", "messages": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_wrong_body_is_the_clients_mistake(served, body):
    headers = {"content-type": "application/json"}
    refused = served.http.post("/v1/chat/completions", content=body, headers=headers)

    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "invalid_request_error"


def test_unknown_models_paths_and_methods_are_named(served, mock_server):
    mock_server.behave(models=["known"])

    assert served.ask(model="auto:dancing").json()["error"]["code"] == "model_not_found"
    assert served.ask(model="ollama/unknown").json()["error"]["code"] == "model_not_found"
    assert served.http.get("/v1/nothing").status_code == 404
    assert served.http.get("/v1/chat/completions").status_code == 405


def test_a_schema_may_not_make_the_server_fetch_something(served, mock_server):
    schema = {"$ref": f"{mock_server.url}/v1/models"}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    assert served.ask(response_format=form).status_code == 400
    assert mock_server.requests == []


@pytest.mark.parametrize(
    "schema", [{"properties": {"a": {"pattern": "^(a+)+$"}}}, {"enum": [[{"a": n}] for n in range(3000)]}]
)
def test_a_schema_holds_nobody_up_for_long(served, mock_server, schema):
    mock_server.behave(reply=json.dumps({"a": "a" * 60 + "!"}))
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", **schema}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    refused = served.ask(response_format=form)
    assert refused.status_code == 400
    assert "long" in refused.text or "takes more than" in refused.text
    assert served.http.get("/healthz").status_code == 200


def test_a_client_that_hangs_up_hangs_up_on_the_provider(served, mock_server):
    mock_server.behave(faults=["stall"])
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(post(json.dumps(HI).encode()))
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)

    assert mock_server.wait_until(lambda: mock_server.requests[0].hung_up)
    until(lambda: served.metric("samplemind_requests_at_work") == 0)


def test_whoever_comes_when_the_line_is_full_is_sent_away_with_a_time(serve, mock_server):
    served = serve("--concurrency", "1", "--queue", "0")
    mock_server.behave(faults=["stall:1"])
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(post(json.dumps(HI).encode()))
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)

        full = served.ask()

    assert (full.status_code, full.headers["retry-after"]) == (503, "1")
    until(lambda: served.ask().status_code == 200)


def test_requests_sent_ahead_are_answered_in_their_order(served):
    get = b"GET %b HTTP/1.1\r\nhost: 127.0.0.1\r\n%b\r\n"
    one = post(json.dumps(HI).encode())

    heard = talk(served, one + get % (b"/healthz", b"") + get % (b"/v1/nothing", b"connection: close\r\n"))

    places = [heard.find(part) for part in (b"You said", b'"ok"', b"HTTP/1.1 404")]
    assert places == sorted(places)
    assert heard.count(b"HTTP/1.1 ") == 3


def test_an_old_client_gets_a_stream_without_chunks(served):
    body = json.dumps({**HI, "stream": True}).encode()
    heard = talk(served, post(body).replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert b"chunked" not in heard
    assert heard.endswith(b"data: [DONE]\n\n")


def test_sigterm_finishes_what_was_begun_and_takes_nothing_new(served, mock_server):
    mock_server.behave(latency_ms=800)
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(post(json.dumps(HI).encode()))
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)
        served.process.send_signal(signal.SIGTERM)
        heard = b""
        while data := connection.recv(65536):
            heard += data

    assert b"You said: hi" in heard
    assert b"connection: close" in heard
    assert served.process.wait(timeout=10) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/healthz", verify=False)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_terminal_that_closes_and_ctrl_c_end_it_in_the_same_order(served, number):
    served.http.get("/healthz")

    assert served.stop(number) == 0


def test_a_port_in_use_is_told(serve, served):
    with pytest.raises(pytest.fail.Exception, match="cannot listen"):
        serve("--port", str(served.port))


def test_metrics_count_and_the_log_tells_without_prompts(served, mock_server):
    mock_server.behave(faults=["ollama/500:1"])
    secret = [{"role": "user", "content": "a secret prompt"}]
    served.ask(model="auto", messages=secret)
    served.ask({"x-request-id": "mine-1"}, model="openai/any", messages=secret)
    served.ask(model="openai/any", messages=secret)

    assert served.metric('samplemind_requests_total{path="/v1/chat/completions",status="200"}') == 3
    assert served.metric('samplemind_fallbacks_total{provider="ollama"}') == 1
    assert served.metric('samplemind_cache_total{tier="memory"}') == 1
    assert served.metric('samplemind_request_seconds_count{provider="openai",outcome="ok"}') == 2
    assert served.metric('samplemind_tokens_total{provider="gemini",kind="output"}') > 0
    served.stop()
    lines = [json.loads(line) for line in served.log.splitlines()]
    assert [line["provider"] for line in lines if line.get("request_id") == "mine-1"] == ["openai"]
    assert "secret" not in served.log


def test_a_provider_that_fails_again_and_again_is_left_alone_until_a_probe_succeeds(served, mock_server):
    mock_server.behave(faults=["openai/500:5"])
    for n in range(5):
        served.ask(
            model="openai/any", messages=[{"role": "user", "content": str(n)}], headers={"x-samplemind-timeout": "0.9"}
        )

    refused = served.ask(model="openai/any")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) <= 15
    assert served.metric('samplemind_breaker_state{provider="openai"}') == 2
    assert "openai" in served.http.get("/readyz").json()["checks"]


def test_workers_count_together_are_replaced_and_end_together(serve):
    served = serve("--workers", "2")
    calls = 'samplemind_requests_total{path="/healthz"'
    for _ in range(20):
        httpx.get(f"{served.url}/healthz", verify=False)
    until(lambda: served.metric(calls) == 20)
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    if not children.exists():
        pytest.skip("this kernel does not tell a process's children")
    until(lambda: time.monotonic() > served.began + 1.2)  # one that dies sooner is not replaced

    first, other = children.read_text().split()
    os.kill(int(first), signal.SIGKILL)

    until(lambda: len({*children.read_text().split()} - {first}) == 2)
    assert other in children.read_text().split()
    until(lambda: httpx.get(f"{served.url}/healthz", verify=False).status_code == 200)
    assert served.stop() == 0


def test_metrics_tell_of_models_of_the_first_word_and_of_time_in_line(serve, mock_server):
    served = serve("--concurrency", "1")
    mock_server.behave(latency_ms=300)
    model = 'provider="openai",model="any"'
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(post(json.dumps(HI).encode()))
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)
        served.ask(model="openai/any", stream=True)
        served.ask(model="openai/any", stream=True)

    assert served.metric(f"samplemind_model_requests_total{{{model}") == 2
    assert served.metric(f"samplemind_first_token_seconds_count{{{model}") == 1
    assert served.metric(f"samplemind_first_token_seconds_sum{{{model}") >= 0.3
    assert served.metric('samplemind_limited_seconds_total{limit="concurrency"}') > 0.1


def test_what_a_request_waited_in_line_is_the_first_part_of_its_time(serve, mock_server):
    mock_server.behave(latency_ms=1500)
    served = serve(bounds={"working": 1})
    texts = [[{"role": "user", "content": text}] for text in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda messages: served.ask(messages=messages), texts))
    served.stop()

    with Ledger(Settings.load()).open() as connection:
        first, second = log.latest(connection, 2)
    assert "held_ms" not in first or not first["held_ms"]
    assert 0 < second["held_ms"] < second["first_ms"] < second["ms"]
    assert next(span["name"] for span in spans(second)) == "queue"
