import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest
from parts import warm
from parts.another_user import answered, only_root

from samplemind_cli.dashboard.sessions import Sessions
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
REQUESTS, SESSION = "/dashboard/api/requests", "/dashboard/api/session"


def test_on_loopback_and_without_a_token_a_browser_reads_at_once(served):
    page, data = served.http.get("/dashboard"), served.http.get(REQUESTS)

    assert page.status_code == data.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert data.headers["cache-control"] == "no-store"
    assert data.json() == {"total": 0, "first": 0, "rows": []}


@only_root
def test_without_a_token_another_user_of_the_machine_reads_and_changes_nothing(served):
    paths = [path for path in served.http.get("/openapi.json").json()["paths"] if path.startswith("/dashboard/api/")]
    assert REQUESTS in paths
    for path in paths:
        for method in ("GET", "POST"):
            head = f"{method} {path} HTTP/1.1\r\nOrigin: {served.url}\r\nContent-Type: application/json"
            assert answered(served.port, head).split()[1] in (b"403", b"405"), (method, path)
    assert served.http.get(REQUESTS).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
    ],
)
def test_another_page_reads_nothing_and_changes_nothing(serve, headers):
    served = serve(SAMPLEMIND_ALLOWED_ORIGINS="https://evil.example")

    assert served.http.get(REQUESTS, headers=headers).status_code == 403
    assert served.http.post(SESSION, json={"link": "x"}, headers=headers).status_code == 403


def test_what_changes_something_needs_the_origin_of_the_page(served):
    assert served.http.post(SESSION, json={"link": "x"}).status_code == 403
    assert served.http.post(SESSION, json={"link": "x"}, headers={"origin": served.url}).status_code == 401
    form = served.http.post(SESSION, data={"link": "x"}, headers={"origin": served.url})
    assert form.status_code == 415


def test_with_a_token_a_link_opens_one_session_and_that_reads(serve, monkeypatch):
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served = serve()
    printed = warm.run(warm.samplemind, "dashboard", "--print", "--url", served.url).stdout.strip()
    address, _, link = printed.partition("#link=")
    own = {"origin": served.url}

    assert address == f"{served.url}/dashboard"
    assert served.http.get("/dashboard").status_code == 200
    assert served.http.get(REQUESTS).status_code == 401
    assert served.http.get(REQUESTS, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert served.http.get(REQUESTS, headers={"authorization": f"Bearer {link}"}).status_code == 401
    session = served.http.post(SESSION, json={"link": link}, headers=own).json()["session"]
    assert served.http.post(SESSION, json={"link": link}, headers=own).status_code == 401
    bearer = {"authorization": f"Bearer {session}"}
    assert served.http.get(REQUESTS, headers=bearer).status_code == 200
    assert served.http.get(REQUESTS, headers={"authorization": "Bearer t0ken"}).status_code == 200
    assert served.http.get(REQUESTS, headers={**bearer, "origin": "https://evil.example"}).status_code == 403
    told = served.http.get("/dashboard/api/connect", headers=bearer).text
    assert "$SAMPLEMIND_API_TOKEN" in told
    assert "t0ken" not in told
    assert served.http.get("/v1/models", headers=bearer).status_code == 401, "a session is for the page alone"


def test_of_many_that_use_one_link_at_once_one_gets_a_session(serve, monkeypatch):
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served = serve("--workers", "2")
    link = Sessions(Settings.load()).link()
    together = Barrier(8)

    def open_it(_):
        together.wait()
        own = {"origin": served.url}
        return httpx.post(
            f"{served.url}{SESSION}", json={"link": link}, headers=own, timeout=30, verify=False
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(open_it, range(8))) == [200] + [401] * 7


@pytest.mark.parametrize("kind", ["link", "session"])
def test_a_code_that_somebody_else_signed_or_changed_opens_nothing(serve, monkeypatch, kind):
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "another")
    forged = Sessions(Settings.load())._signed(kind, time.time() + 500)
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served = serve()
    until, nonce, mark = Sessions(Settings.load())._signed(kind, time.time() + 500).split(".")
    for code in (forged, f"{int(until) + 1}.{nonce}.{mark}", f"{until}.{nonce}x.{mark}", f"{until}.{nonce}.", ".."):
        opened = served.http.post(SESSION, json={"link": code}, headers={"origin": served.url})
        assert opened.status_code == 401, code
        assert served.http.get(REQUESTS, headers={"authorization": f"Bearer {code}"}).status_code == 401, code


def test_no_other_page_may_show_the_dashboard_in_a_frame(served):
    for path in ("/dashboard", "/dashboard/app.js", REQUESTS):
        assert "frame-ancestors 'none'" in served.http.get(path).headers["content-security-policy"], path


def test_the_dashboard_can_be_left_out(serve):
    served = serve("--no-dashboard")

    assert served.http.get("/dashboard").status_code == 404
    assert served.http.get(REQUESTS).status_code == 404
    assert not [path for path in served.http.get("/openapi.json").json()["paths"] if path.startswith("/dashboard")]


def test_each_piece_of_data_is_described(served):
    paths = served.http.get("/openapi.json").json()["paths"]

    assert {"/dashboard/api/requests", "/dashboard/api/requests/{id}", "/dashboard/api/live"} <= {*paths}


@pytest.mark.parametrize("query", ["first=-1", "first=x", "most=0", "most=501", f"words={'x' * 1001}", "model=%00"])
def test_a_query_that_cannot_be_is_told(served, query):
    answer = served.http.get(f"{REQUESTS}?{query}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])


def test_what_changes_is_told_as_events_until_the_server_is_stopped(served):
    events = []
    with httpx.Client(timeout=20, verify=False) as client:
        headers = {"accept": "text/event-stream"}
        with client.stream("GET", f"{served.url}/dashboard/api/live?topics=requests", headers=headers) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    events.append(json.loads(line[6:]))
                    if len(events) == 1:
                        assert served.ask().status_code == 200
                    else:
                        assert served.stop() == 0

    assert events == [{"total": 0, "newest": 0}, {"total": 1, "newest": 1}]


def test_a_topic_that_is_none_is_told(served):
    assert served.http.get("/dashboard/api/live?topics=requests,x").status_code == 400
    assert served.http.get("/dashboard/api/live?topics=requests").json() == {"requests": {"total": 0, "newest": 0}}
