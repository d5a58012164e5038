import asyncio
import http.client
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.mock import MockServer

pytestmark = pytest.mark.integration

CHATS = {
    "ollama": ("/api/chat", {}, {}),
    "openai": ("/v1/chat/completions", {}, {"Authorization": "Bearer secret-key"}),
    "anthropic": ("/v1/messages", {"max_tokens": 99}, {"x-api-key": "secret-key", "anthropic-version": "2023-06-01"}),
    "gemini": ("/v1beta/models/m:{}", None, {"x-goog-api-key": "secret-key"}),
}
ENDS = {"ollama": b'"done":true', "openai": b"[DONE]", "anthropic": b"message_stop", "gemini": b'"finishReason"'}


@pytest.fixture
def server():
    with MockServer() as server:
        yield server


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=5, verify=False) as client:
        yield client


def call(provider, *, stream=True):
    path, more, headers = CHATS[provider]
    if provider == "gemini":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return {
            "url": path.format(method),
            "json": {"contents": [{"parts": [{"text": "one two"}]}]},
            "headers": headers,
        }
    body = {"model": "m", "messages": [{"role": "user", "content": "one two"}], "stream": stream, **more}
    return {"url": path, "json": body, "headers": headers}


def read(client, provider):
    """What came of a stream until it ended or broke, and how it broke."""
    got = b""
    try:
        with client.stream("POST", **call(provider)) as response:
            for part in response.iter_raw():
                got += part
    except httpx.HTTPError as error:
        return got, error
    return got, None


@pytest.mark.parametrize("provider", CHATS)
def test_answers_streamed_and_whole_on_one_connection(provider, server):
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    sockets = set()
    for stream in (True, False, True):
        asked = call(provider, stream=stream)
        connection.request("POST", asked["url"], json.dumps(asked["json"]), asked["headers"])
        sockets.add(connection.sock)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200
        assert (ENDS[provider] in body) or not stream
        assert b"two" in body
    connection.close()
    assert len(sockets) == 1


@pytest.mark.parametrize("provider", CHATS)
def test_a_stream_comes_word_by_word_at_its_pace(provider, server, client):
    server.behave(latency_ms=30, tokens_per_second=50)
    begun = time.monotonic()
    with client.stream("POST", **call(provider)) as response:
        moments = [time.monotonic() - begun for _ in response.iter_raw()]
    assert moments[0] >= 0.03
    assert moments[-1] >= 0.03 + 4 / 50  # "You said: one two" is four words
    assert len(moments) >= 4


def test_a_whole_answer_takes_as_long_as_its_words_would(server, client):
    server.behave(tokens_per_second=40)
    begun = time.monotonic()
    answer = client.post(**call("ollama", stream=False)).json()
    assert time.monotonic() - begun >= 4 / 40
    assert answer["eval_duration"] == 4 / 40 * 1e9


@pytest.mark.parametrize("provider", CHATS)
@pytest.mark.parametrize("status", [429, 529, 500, 503, 401])
def test_a_status_fault_has_the_providers_own_error_and_retry_after(provider, status, server, client):
    server.behave(faults=[f"{status}:1@7"])
    response = client.post(**call(provider))
    assert (response.status_code, response.headers["retry-after"]) == (status, "7")
    assert "error" in response.json()
    assert client.post(**call(provider)).status_code == 200
    assert [record.fault for record in server.requests] == [str(status), ""]


@pytest.mark.parametrize("provider", CHATS)
def test_troubles_are_told_as_the_provider_tells_them(provider, server, client):
    for kind in ("auth", "credit", "too-long"):
        server.behave(faults=[kind])
        response = client.post(**call(provider))
        assert 400 <= response.status_code < 500
        assert "error" in response.json()


@pytest.mark.parametrize("provider", CHATS)
def test_a_cut_stream_breaks_after_the_first_word(provider, server, client):
    server.behave(faults=["cut"])
    got, broken = read(client, provider)
    assert isinstance(broken, httpx.RemoteProtocolError)
    assert b"You" in got
    assert ENDS[provider] not in got


@pytest.mark.parametrize("provider", CHATS)
def test_a_short_stream_ends_like_a_whole_one_without_its_last_event(provider, server, client):
    server.behave(faults=["short"])
    got, broken = read(client, provider)
    assert broken is None
    assert b"You" in got
    assert ENDS[provider] not in got


@pytest.mark.parametrize("provider", CHATS)
def test_garbage_in_a_stream_is_no_json(provider, server, client):
    server.behave(faults=["garbage"])
    got, broken = read(client, provider)
    assert broken is None
    last = got.rstrip().splitlines()[-1].removeprefix(b"data: ")
    with pytest.raises(ValueError, match=r"."):
        json.loads(last)


@pytest.mark.parametrize("provider", CHATS)
def test_an_error_inside_a_stream_comes_in_the_dialect(provider, server, client):
    server.behave(faults=["error"])
    got, broken = read(client, provider)
    assert broken is None
    assert "error" in json.loads(got.rstrip().splitlines()[-1].removeprefix(b"data: "))
    assert b"You" in got
    assert (b"event: error\n" in got) == (provider == "anthropic")
    assert server.requests[0].status == 200


@pytest.mark.parametrize("provider", CHATS)
@pytest.mark.parametrize("kind", ["cut", "short", "garbage", "error"])
def test_whole_answers_break_in_the_same_ways(provider, kind, server, client):
    server.behave(faults=[kind])
    if kind == "cut":
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(**call(provider, stream=False))
        return
    response = client.post(**call(provider, stream=False))
    assert response.status_code == 200
    if kind == "error":
        assert "error" in response.json()
    else:
        with pytest.raises(ValueError, match=r"."):
            response.json()


def test_a_dropped_connection_answers_nothing(server, client):
    server.behave(faults=["drop:1"])
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(**call("openai"))
    assert client.post(**call("openai")).status_code == 200
    assert [record.status for record in server.requests] == [0, 200]


@pytest.mark.parametrize("kind", ["stall", "freeze"])
def test_a_client_that_stops_waiting_is_seen_to_hang_up(kind, server, client):
    server.behave(faults=[kind])
    with pytest.raises(httpx.ReadTimeout):
        client.post(**call("openai"), timeout=0.2)
    assert server.wait_until(lambda: server.requests[0].hung_up)


def test_a_client_that_leaves_a_slow_stream_is_seen_to_hang_up(server, client):
    server.behave(tokens_per_second=5, reply="a long answer " * 50)
    with client.stream("POST", **call("ollama")) as response:
        next(response.iter_raw())
    assert server.wait_until(lambda: server.requests[0].seconds is not None)
    assert server.requests[0].hung_up


def test_a_client_that_read_everything_did_not_hang_up(server, client):
    read(client, "ollama")
    assert server.wait_until(lambda: server.requests[0].seconds is not None)
    assert not server.requests[0].hung_up


def test_a_request_may_ask_for_its_own_fault(client):
    asked = call("openai")
    asked["headers"] = {**asked["headers"], "x-mock-fault": "429@250ms"}
    assert client.post(**asked).headers["retry-after-ms"] == "250"
    asked["headers"]["x-mock-fault"] = "teapot"
    assert client.post(**asked).status_code == 400


def test_a_fault_of_one_provider_spares_the_others_and_the_lists(server, client):
    server.behave(faults=["ollama/503"])
    assert client.post(**call("ollama")).status_code == 503
    assert client.get("/api/tags").status_code == 200
    assert client.post(**call("gemini")).status_code == 200


def test_requests_are_recorded_without_keys(server, client):
    for provider in CHATS:
        client.post(**call(provider))
    client.get("/v1beta/models?key=secret-key&x=1")
    assert [record.provider for record in server.requests] == [*CHATS, "gemini"]
    assert server.requests[0].body["messages"][0]["content"] == "one two"
    assert server.requests[-1].path == "/v1beta/models?key=***&x=1"
    assert "secret-key" not in repr(server.requests)
    listed = client.get("/_mock/requests")
    assert listed.json()["total"] == len(CHATS) + 1
    assert "secret-key" not in listed.text


def test_the_server_is_set_and_reset_over_http(server, client):
    settings = {"reply": "fixed", "faults": ["500:1"]}
    assert client.post("/_mock/settings", json=settings).status_code == 200
    assert client.post(**call("ollama")).status_code == 500
    assert client.post(**call("ollama", stream=False)).json()["message"]["content"] == "fixed"
    assert client.post("/_mock/settings", json={"speed": 1}).status_code == 400
    assert client.post("/_mock/settings", content=b"{").status_code == 400
    assert client.post("/_mock/reset").status_code == 200
    assert server.requests == []
    assert client.get("/_mock/nothing").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:80"}, 403),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:1"}, 200),
        ({"host": "mock"}, 200),
        ({"host": "host.docker.internal:1"}, 200),
    ],
)
def test_no_web_page_reads_what_was_asked_or_says_what_is_answered(client, headers, status):
    assert client.get("/_mock/requests", headers=headers).status_code == status
    assert client.post("/_mock/settings", json={"reply": "x"}, headers=headers).status_code == status


def test_reset_forgets_requests_and_faults(server, client):
    server.behave(faults=["500"], reply="fixed")
    client.post(**call("ollama"))
    server.reset()
    assert server.requests == []
    assert client.post(**call("ollama", stream=False)).json()["message"]["content"] == "You said: one two"


def test_a_wrong_setting_changes_nothing(server, client):
    with pytest.raises(UsageError):
        server.behave(faults=["teapot"])
    assert client.post(**call("ollama")).status_code == 200


def test_wrong_paths_methods_and_bodies_are_refused(client):
    openai = CHATS["openai"][2]
    assert client.get("/favicon.ico").status_code == 404
    assert client.get("/api/chat").status_code == 405
    assert client.post("/v1/chat/completions", content=b"{bad", headers=openai).status_code == 400
    assert client.post("/v1/chat/completions", content=b'"\xff"', headers=openai).status_code == 400
    malformed = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]}
    assert client.post("/v1/chat/completions", json=malformed, headers=openai).status_code == 400
    for nested in (b"[" * 100_000, b'{"model":"m","messages":' + b"[" * 100_000):
        assert client.post("/v1/chat/completions", content=nested, headers=openai).status_code == 400
    odd = {
        **malformed,
        "tools": [],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"anyOf": 3}}},
    }
    assert client.post("/v1/chat/completions", json=odd, headers=openai).status_code == 400


def test_ollamas_own_clients_find_it_running(client):
    assert client.get("/").text == "Ollama is running"
    for _ in range(2):  # on the same connection
        assert client.head("/").status_code == 200
    assert client.get("/api/version").status_code == 200


def test_gemini_without_events_streams_one_array(server, client):
    asked = {**call("gemini"), "url": "/v1beta/models/m:streamGenerateContent"}
    parts = client.post(**asked).json()
    assert "".join(p["candidates"][0]["content"]["parts"][0]["text"] for p in parts) == "You said: one two"
    server.behave(faults=["429"])
    assert client.post(**asked).json()[0]["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_a_prompt_of_20_megabytes_and_bytes_that_are_no_text_are_answered(client):
    body = {"model": "m", "messages": [{"role": "user", "content": "word " * 4_000_000}], "stream": False}
    assert client.post("/api/chat", json=body, timeout=60).json()["prompt_eval_count"] == 4_000_000
    lonely = b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}],"stream":false}'
    assert client.post("/api/chat", content=lonely).status_code == 200


def test_bytes_that_are_no_http_are_refused_and_the_server_lives(server, client):
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        raw.sendall(b"\x16\x03\x01 no http\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")
    assert client.get("/api/version").status_code == 200


def test_many_clients_at_once_are_all_answered(server, client):
    with ThreadPoolExecutor(16) as pool:
        asked = pool.map(lambda _: client.post(**call("openai", stream=False)).status_code, range(64))
        assert set(asked) == {200}
    assert len(server.requests) == 64


def test_a_taken_port_is_one_clear_error(server):
    with pytest.raises(SamplemindError) as error, MockServer(port=server.port):
        pass
    assert str(server.port) in error.value.message
    assert error.value.hint


def test_stopping_ends_stalled_requests_at_once():
    server = MockServer(faults=["stall"]).start()

    async def ask():
        async with httpx.AsyncClient(base_url=server.url, verify=False) as client:
            asking = asyncio.create_task(client.post(**call("openai"), timeout=30))
            await asyncio.to_thread(server.wait_until, lambda: server.requests)
            await asyncio.to_thread(server.stop)
            with pytest.raises(httpx.RemoteProtocolError):
                await asking

    asyncio.run(ask())
    server.stop()  # a second time does nothing


def test_a_name_is_no_address_to_listen_on():
    with pytest.raises(UsageError):
        MockServer(host="example.com")
    assert MockServer(host="::1", port=1).url == "http://[::1]:1"


def test_the_server_on_every_address_is_reached_on_loopback():
    with MockServer(host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{server.url}/api/version", verify=False).status_code == 200


def test_the_fixture_points_the_environment_at_its_server(mock_server):
    assert {name: os.environ[name] for name in mock_server.exports} == mock_server.exports
    assert httpx.get(f"{os.environ['OLLAMA_HOST']}/api/tags", verify=False).status_code == 200
