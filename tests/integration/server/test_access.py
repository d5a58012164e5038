"""Clients that must not be let in, or not so far."""

import json
import socket
from contextlib import ExitStack

import pytest
from parts.raw_http import HI, post, talk
from parts.waiting import until

pytestmark = pytest.mark.integration
BODY = json.dumps(HI).encode()
APP, EVIL = "https://app.example", "https://evil.example"
TOKEN = {"authorization": "bearer t"}
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


def test_a_name_that_was_bound_anew_to_loopback_reads_nothing(served):
    for path in ("/v1/models", "/metrics", "/readyz", "/healthz", "/openapi.json", "/nothing"):
        refused = served.http.get(path, headers={"host": "evil.example"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    asked = post(BODY, "connection: close").replace(b"host: 127.0.0.1", b"host: evil.example:8000")
    assert talk(served, asked).startswith(b"HTTP/1.1 403 ")
    assert talk(served, post(BODY, "connection: close").replace(b"/v1", b"http://evil.example/v1")).startswith(
        b"HTTP/1.1 403 "
    )


def test_a_kept_answer_is_kept_from_other_names_too(served):
    until(lambda: served.ask().headers["x-samplemind-cache"] == "memory")

    assert served.ask({"host": "evil.example"}).status_code == 403


def test_a_name_that_is_allowed_is_answered(serve):
    served = serve(SAMPLEMIND_ALLOWED_HOSTS="box.lan,other.lan")

    assert served.http.get("/v1/models", headers={"host": "Box.LAN:8000"}).status_code == 200
    assert served.http.get("/v1/models", headers={"host": "third.lan"}).status_code == 403


def test_an_allowed_page_reads_every_kind_of_response(serve):
    served = serve("--max-body", "1", SAMPLEMIND_ALLOWED_ORIGINS=APP, SAMPLEMIND_API_TOKEN="t")
    page = {"origin": APP}

    preflight = served.http.options("/v1/chat/completions", headers={**page, **PREFLIGHT})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    large = served.http.post(
        "/v1/ask", content=b" " * 1_100_000, headers={**page, **TOKEN, "content-type": "application/json"}
    )
    found = [
        preflight,
        served.ask(page),
        large,
        served.http.get("/nothing", headers={**page, **TOKEN}),
        *(served.ask({**page, **TOKEN}, stream=True) for _ in range(3)),
    ]
    assert [one.status_code for one in found] == [204, 401, 413, 404, 200, 200, 200]
    assert found[-1].headers["x-samplemind-cache"] == "memory"
    for one in found:
        assert (one.headers["access-control-allow-origin"], one.headers["vary"]) == (APP, "origin")


def test_another_page_reads_nothing(serve):
    served = serve(SAMPLEMIND_ALLOWED_ORIGINS=APP)
    page = {"origin": EVIL}

    assert served.http.options("/v1/chat/completions", headers={**page, **PREFLIGHT}).status_code == 403
    assert served.ask(page).status_code == 403
    assert served.http.get("/metrics", headers={"origin": "null"}).status_code == 403
    assert "access-control-allow-origin" not in served.http.get("/healthz", headers=page).headers
    assert served.ask({"origin": APP}).status_code == 200
    assert served.ask({"origin": served.url}).status_code == 200  # a page of this server


@pytest.mark.parametrize("origins", ["*", "app.example"])
def test_origins_that_cannot_be_are_told_before_anything_listens(serve, origins):
    with pytest.raises(pytest.fail.Exception, match="allowed_origins"):
        serve(SAMPLEMIND_ALLOWED_ORIGINS=origins)


def test_who_has_no_token_cannot_fill_the_memory_for_bodies(serve):
    served = serve(bounds={"bodies": 20_000}, SAMPLEMIND_API_TOKEN="t")
    large = post(b" " * 9_000 + BODY)
    with ExitStack() as clients:
        for _ in range(10):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            client.sendall(large[:9_000])
        until(lambda: served.http.get("/metrics", headers=TOKEN).text.count("samplemind_connections 11") == 1)

        assert served.http.post("/v1/chat/completions", json=HI, headers=TOKEN).status_code == 200
    assert talk(served, large.replace(b"host", b"connection: close\r\nhost")).startswith(b"HTTP/1.1 401 ")


def test_an_anonymous_client_learns_that_it_is_ready_and_no_more(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t")

    assert served.http.get("/readyz").json() == {"status": "ready"}
    checks = served.http.get("/readyz", headers={"x-api-key": "t"}).json()["checks"]
    assert checks["ollama"] == "ok"


def test_ready_says_ok_only_of_what_it_reached(serve, mock_server):
    served = serve()

    checks = served.http.get("/readyz").json()["checks"]

    assert checks["ollama"] == "ok"
    assert checks["openai"] == checks["anthropic"] == "configured, not checked"
    assert [record.path for record in mock_server.requests] == ["/api/version"]


@pytest.mark.parametrize("header", [{"x-api-key": "t"}, {"x-goog-api-key": "t"}, {"Authorization": "BEARER t"}])
def test_clients_of_all_formats_may_send_the_token_their_way(serve, header):
    served = serve(SAMPLEMIND_API_TOKEN="t")

    assert served.http.get("/v1/models", headers=header).status_code == 200
    assert (
        served.http.get("/v1/models", headers={name: f"{value}x" for name, value in header.items()}).status_code == 401
    )


FORM = {"content-type": "application/x-www-form-urlencoded"}
BYTES = {"content-type": "application/octet-stream"}  # LiteLLM's asynchronous calls, since aiohttp says so of bytes


@pytest.mark.parametrize(
    "kind", [FORM, BYTES, {}, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}]
)
def test_ollamas_routes_take_what_curl_and_litellm_send(served, kind):
    body = json.dumps({"model": "any", "prompt": "hi", "stream": False})

    assert served.http.post("/api/generate", content=body, headers=kind).json()["response"] == "You said: hi"
    assert served.http.post("/v1/chat/completions", content=BODY, headers=kind).status_code == 415


@pytest.mark.parametrize(
    "header",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"referer": EVIL},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "cors"},
    ],
)
def test_a_page_cannot_have_a_browser_send_a_form_to_ollamas_routes(served, mock_server, header):
    body = json.dumps({"model": "any", "prompt": "spend", "stream": False})
    for kind in (FORM, BYTES, {}, {"content-type": "text/plain"}):
        assert served.http.post("/api/generate", content=body, headers={**kind, **header}).status_code in (403, 415)
    assert served.http.post("/api/generate", content=body, headers={"content-type": "text/plain"}).status_code == 415
    assert not [request for request in mock_server.requests if request.method == "POST"]
