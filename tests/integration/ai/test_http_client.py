import asyncio
import gzip
import shutil
import ssl
import subprocess
import sys
import time
import tracemalloc
import zlib
from base64 import b64encode
from contextlib import ExitStack
from functools import cache
from urllib.parse import quote

import brotli
import httpx
import pytest

from samplemind_cli.ai import http_client
from samplemind_cli.ai.http_client import Patience, UnavailableError, close_http_client, events, make_ai_request
from samplemind_cli.ai.types import Call, Fault
from samplemind_cli.errors import CutStreamError, ProviderError, UsageError
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.mock import MockServer

pytestmark = pytest.mark.integration
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer mock"}


def run(coroutine):
    async def closing():
        try:
            return await asyncio.wait_for(coroutine, 30)
        finally:
            await close_http_client()

    return asyncio.run(closing())


def post(server, **kwargs):
    return run(make_ai_request(f"{server.url}/v1/chat/completions", CHAT, headers=KEY, **kwargs))


def test_a_json_answer_comes_back_decoded(mock_server):
    assert post(mock_server)["choices"][0]["message"]["content"] == "You said: hi"


def test_one_client_serves_a_loop_and_a_closed_one_is_replaced():
    async def clients():
        first, again = http_client.get_http_client(), http_client.get_http_client()
        await close_http_client()
        return first, again, http_client.get_http_client()

    first, again, after = run(clients())
    assert first is again
    assert after is not first
    assert first.is_closed


def test_the_shared_client_has_its_limits_and_timeouts():
    async def client():
        return http_client.get_http_client()

    shared = run(client())
    pool = shared._transport._pool
    assert (pool._max_connections, pool._max_keepalive_connections, pool._http2) == (100, 50, True)
    assert shared.timeout.as_dict() == {"connect": 5.0, "read": 30.0, "write": 10.0, "pool": 5.0}
    assert {"gzip", "br"} <= set(shared.headers["accept-encoding"].replace(" ", "").split(","))


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("fault", ["408", "409", "429", "500", "502", "529"])
def test_what_may_pass_is_tried_again(mock_server, fault):
    mock_server.behave(faults=[f"{fault}:2"])

    assert post(mock_server)["choices"]
    assert len(mock_server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "kind"), [("400", "request"), ("401", "auth"), ("403", "auth"), ("404", "not_found")]
)
def test_what_will_not_pass_is_not_tried_again(mock_server, fault, kind):
    mock_server.behave(faults=[fault])

    with pytest.raises(UnavailableError) as failed:
        post(mock_server)

    assert (failed.value.fault.kind, len(mock_server.requests)) == (kind, 1)


def test_a_429_that_means_no_money_is_not_tried_again(mock_server):
    mock_server.behave(faults=["openai/credit"])
    call = Call(f"{mock_server.url}/v1/chat/completions", CHAT, KEY)

    async def ask():
        return [event async for event, _ in events(call, Patience(), openai.fault)]

    with pytest.raises(UnavailableError) as failed:
        run(ask())

    assert (failed.value.fault.kind, len(mock_server.requests)) == ("credit", 1)


def test_a_connection_dropped_after_the_request_went_out_is_not_tried_again(mock_server):
    mock_server.behave(faults=["drop"])

    with pytest.raises(UnavailableError):
        post(mock_server)

    assert len(mock_server.requests) == 1


@pytest.mark.usefixtures("no_backoff")
def test_three_attempts_and_no_more(mock_server):
    mock_server.behave(faults=["503"])

    with pytest.raises(UnavailableError):
        post(mock_server)

    assert len(mock_server.requests) == 3


@pytest.mark.usefixtures("no_backoff")
def test_retry_after_is_a_floor():
    floors = {"1": 0.99, "400ms": 0.39, "date+2": 0.9}

    async def ask(server):
        return await make_ai_request(f"{server.url}/v1/chat/completions", CHAT, headers=KEY)

    async def ask_each(servers):
        await asyncio.gather(*map(ask, servers))

    with ExitStack() as stack:
        servers = [stack.enter_context(MockServer(faults=[f"429:1@{wait}"])) for wait in floors]
        run(ask_each(servers))

    for server, floor in zip(servers, floors.values(), strict=True):
        first, second = (request.time for request in server.requests)
        assert second - first >= floor


def test_a_wait_beyond_the_deadline_is_not_begun(mock_server):
    mock_server.behave(faults=["429@60"])

    async def ask():
        deadline = asyncio.get_running_loop().time() + 5
        return await make_ai_request(f"{mock_server.url}/v1/chat/completions", CHAT, headers=KEY, deadline=deadline)

    before = time.monotonic()
    with pytest.raises(UnavailableError):
        run(ask())
    assert time.monotonic() - before < 5
    assert len(mock_server.requests) == 1


def test_a_wait_is_measured_against_the_deadline_as_it_will_be(mock_server, monkeypatch):
    import tenacity

    draws = iter((60.0, 0.0, 0.0))
    monkeypatch.setattr(tenacity, "wait_exponential_jitter", lambda **_: lambda _: next(draws))
    mock_server.behave(faults=["429"])

    async def ask():
        deadline = asyncio.get_running_loop().time() + 0.5
        return await make_ai_request(f"{mock_server.url}/v1/chat/completions", CHAT, headers=KEY, deadline=deadline)

    with pytest.raises(UnavailableError):
        run(ask())


def test_the_deadline_ends_a_stalled_call(mock_server):
    mock_server.behave(faults=["stall"])

    async def ask():
        deadline = asyncio.get_running_loop().time() + 0.2
        return await make_ai_request(f"{mock_server.url}/v1/chat/completions", CHAT, headers=KEY, deadline=deadline)

    with pytest.raises(ProviderError, match="deadline"):
        run(ask())


def test_a_silent_server_is_left_after_the_read_timeout(mock_server):
    mock_server.behave(faults=["stall"])

    with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
        post(mock_server, read=0.2)


@pytest.mark.parametrize(("host", "times"), [("localhost", 0), ("127.9.9.9", 2)])  # the latter passes for another one
@pytest.mark.usefixtures("no_backoff")
def test_what_does_not_run_on_this_machine_is_not_tried_again(host, times):
    again = []

    with pytest.raises(UnavailableError) as failure:
        run(make_ai_request(f"http://{host}:1/", {}, retried=lambda: again.append(1)))

    assert (failure.value.refused, len(again)) == (True, times)


@pytest.fixture
def through(monkeypatch):
    """Ask a provider behind a proxy, once: the error that comes of it."""

    def through(proxy, url="https://api.example.com/v1", **env):
        for name, value in {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": "", **env}.items():
            for spelled in (name, name.lower()):
                monkeypatch.setenv(spelled, value)
        with pytest.raises(UnavailableError) as failure:
            run(make_ai_request(url, {}, attempts=1))
        return failure.value

    return through


def test_a_proxy_that_is_away_is_named_without_who_may_use_it(through):
    error = through("http://me:secret@127.0.0.1:1")
    assert error.message.endswith("(through the proxy 127.0.0.1:1)")
    assert (error.hint, error.refused, error.again) == ("check HTTPS_PROXY and NO_PROXY", False, True)


def test_a_proxy_that_refuses_is_named_and_not_asked_again(through, mock_server):
    error = through(mock_server.url)
    assert f"(through the proxy {mock_server.url.removeprefix('http://')})" in error.message
    assert not error.again


def test_a_proxy_that_is_gone_round_is_not_blamed(through):
    error = through("http://127.0.0.1:1", "http://127.9.9.9:1/", NO_PROXY="127.9.9.9")
    assert "proxy" not in error.message
    assert error.refused


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SSL_CERT_FILE", "/nowhere.pem", "no certificates could be read"),
        ("ALL_PROXY", "ftp://me:secret@host", "a proxy in the environment is not an http:// URL"),
        ("HTTPS_PROXY", "127.0.0.1:70000", "a proxy in the environment is not an http:// URL"),
    ],
)
def test_surroundings_that_no_client_can_be_made_in_are_a_usage_error(monkeypatch, variable, value, told):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=told):
        run(make_ai_request("https://host.invalid/", {}, attempts=1))


@pytest.mark.parametrize("key", ["sk-se\ncret", "sk-sécret"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key):
    with pytest.raises(UsageError, match="non-ASCII") as refused:
        run(make_ai_request("http://127.0.0.1:1/", {}, headers={"x-api-key": key}))
    assert "cret" not in refused.value.message


def test_too_much_at_once_is_not_told_as_a_servers_silence(monkeypatch):
    async def busy(*_, **__):
        raise httpx.PoolTimeout("")

    monkeypatch.setattr(httpx.AsyncClient, "send", busy)
    with pytest.raises(UnavailableError, match="no connection was free within 2 s"):
        run(make_ai_request("http://127.0.0.1:1/", {}, pool=2))


def test_an_address_that_is_none_is_a_usage_error():
    with pytest.raises(UsageError, match="not a valid"):
        run(make_ai_request("ftp://example/", {}))


def stream(server, **patience):
    call = Call(f"{server.url}/v1/chat/completions", CHAT | {"stream": True}, KEY)

    async def collect():
        return [event async for event, _ in events(call, Patience(**patience))]

    return run(collect())


def text(found):
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in found if event["choices"])


def test_a_stream_comes_event_by_event_and_done_is_none_of_them(mock_server):
    assert text(stream(mock_server)) == "You said: hi"


@pytest.mark.parametrize("fault", ["cut", "garbage"])
def test_a_stream_that_breaks_is_an_error_and_is_not_tried_again(mock_server, fault):
    mock_server.behave(faults=[fault])

    with pytest.raises(CutStreamError):
        stream(mock_server)

    assert len(mock_server.requests) == 1


def test_leaving_a_stream_hangs_up(mock_server):
    mock_server.behave(tokens_per_second=5, reply="one two three four five six seven eight")
    call = Call(f"{mock_server.url}/v1/chat/completions", CHAT | {"stream": True}, KEY)

    async def leave():
        stream = events(call, Patience())
        await anext(stream)
        await stream.aclose()
        for _ in range(200):
            if mock_server.requests[0].hung_up:
                return True
            await asyncio.sleep(0.02)
        return False

    assert run(leave())


def test_line_ends_inside_of_json_text_are_text(mock_server):
    mock_server.behave(reply="one\u2028two\x85three")

    found = stream(mock_server)

    assert (
        "".join(e["choices"][0]["delta"].get("content") or "" for e in found if e["choices"]) == "one\u2028two\x85three"
    )


def test_a_lone_surrogate_does_not_stop_a_request(mock_server):
    payload = CHAT | {"messages": [{"role": "user", "content": "a\ud800b"}]}

    assert run(make_ai_request(f"{mock_server.url}/v1/chat/completions", payload, headers=KEY))["choices"]


def test_https_offers_http_2(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = shutil.which("openssl") and subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {key} -out {cert}".split(),
        capture_output=True,
        check=False,
    )
    if not made or made.returncode:
        pytest.skip("no openssl to make a certificate with")

    assert run(_protocol_spoken(cert, key)) == "h2"


async def _protocol_spoken(cert, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    spoken = asyncio.get_running_loop().create_future()

    async def serve(_, writer):
        spoken.set_result(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        client = http_client.get_http_client()
        ours = client._transport._pool._ssl_context
        ours.load_verify_locations(cert)
        ours.check_hostname = False
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(httpx.HTTPError):
            await client.get(f"https://127.0.0.1:{port}/")
        return await spoken


def answered(said, *, own=False, **kwargs):
    """What becomes of the bytes `said` as the answer to one request, or of what it makes of the request's head."""

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(said(head) if callable(said) else said)
        writer.close()

    async def ask():
        if own:
            http_client.use_aiohttp()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await make_ai_request(f"http://127.0.0.1:{port}/v1/chat", {}, **kwargs)

    return run(ask())


def response(status, kind, body, *headers):
    lines = [
        f"HTTP/1.1 {status}",
        f"content-length: {len(body)}",
        *headers,
        *([f"content-type: {kind}"] if kind else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_a_key_that_a_provider_repeats_is_not_repeated_by_us():
    def echo(head):
        key = head.lower().partition(b"authorization: bearer ")[2].partition(b"\r\n")[0]
        return response("401 No", "", b'{"error": {"message": "no such key: ' + key + b'"}}')

    with pytest.raises(UnavailableError, match=r"no such key: \[key\]") as failed:
        answered(echo, headers={"authorization": "Bearer verysecret"})
    assert "verysecret" not in failed.value.message


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            response(
                "302 Found", "text/html", b"<p>", "location: https://me:secret@login.example/in?token=secret#secret"
            ),
            "redirects (HTTP 302) to https://login.example/in",
        ),
        (response("308 Moved", "", b"", "location: http://[secret"), "redirects (HTTP 308)"),
        (response("204 Done", "", b""), "answers with nothing instead of JSON (HTTP 204)"),
        (response("200 OK", "application/json", b""), "answers with nothing instead of JSON (HTTP 200)"),
        (
            response("200 OK", "text/html; charset=utf-8", b"<p>Log in"),
            "answers with text/html instead of JSON (HTTP 200)",
        ),
        (response("200 OK", "", b"hi"), "answers with no content type instead of JSON (HTTP 200)"),
        (response("404 No", "text/plain", b"404 page not found"), "has nothing at /v1/chat (HTTP 404)"),
    ],
    ids=["redirect", "redirect to nowhere", "204", "nothing", "web page", "text", "404"],
)
def test_what_is_no_provider_is_told_by_what_it_answers_and_may_be_passed_over(said, told, own):
    with pytest.raises(UnavailableError) as failed:
        answered(said, own=own)
    assert failed.value.message.partition(" ")[2] == told
    assert (failed.value.fault.kind, failed.value.again) == ("address", False)


def test_a_body_may_begin_with_a_byte_order_mark():
    assert answered(response("200 OK", "application/json", b"\xef\xbb\xbf[1]")) == [1]


def test_half_an_emoji_is_a_question_mark():
    assert answered(response("200 OK", "application/json", b'["a\\ud83d", "\\ud83d\\ude00"]')) == ["a?", "😀"]


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_an_answer_without_an_end_is_left(kind, monkeypatch):
    monkeypatch.setattr(http_client, "LARGEST", 1_000_000)
    body = b"data: " + b" " * 1_000_001

    with pytest.raises(CutStreamError, match="sent more than 1 MB as one answer"):
        answered(response("200 OK", kind, body))


def test_of_an_error_without_an_end_the_beginning_is_read():
    endless = b"HTTP/1.1 400 No\r\ncontent-length: 99999999\r\n\r\n" + b"no " * 400_000

    with pytest.raises(UnavailableError, match=r"^HTTP 400: no no no") as failed:
        answered(endless)
    assert len(failed.value.message) < 1000


@pytest.mark.usefixtures("no_backoff")
def test_an_error_500_that_means_a_wrong_request_is_not_tried_again(mock_server):
    mock_server.behave(faults=["500"])

    async def ask():
        call = Call(f"{mock_server.url}/v1/chat/completions", CHAT, KEY)
        return [event async for event, _ in events(call, Patience(), lambda *_: Fault("request", "bad schema"))]

    with pytest.raises(UnavailableError):
        run(ask())
    assert len(mock_server.requests) == 1


def test_importing_and_using_the_core_hides_and_replaces_no_module_of_the_host_process(mock_server):
    code = f"""
import asyncio, sys
from samplemind_cli.ai.http_client import close_http_client, make_ai_request
async def ask():
    await make_ai_request("{mock_server.url}/v1/chat/completions", {CHAT}, headers={KEY})
    await close_http_client()
asyncio.run(ask())
import httpx, h2.connection
theirs = [module for name, module in sys.modules.items() if name.split(".")[0] in ("httpx", "httpcore", "h2")]
httpx.Client(http2=True)
print([module for module in theirs if not module.__spec__ or not module.__spec__.origin])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


GREETING = b'{"choices": [{"message": {"content": "hi"}}]}'
EVENTS = b'data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: [DONE]\n\n'


@cache
def compressed(name, data):
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    makers = {
        "gzip": gzip.compress,
        "x-gzip": gzip.compress,
        "deflate": zlib.compress,
        "raw": lambda data: raw.compress(data) + raw.flush(),
        "br": brotli.compress,
        "identity": bytes,
    }
    return makers[name](data)


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("name", ["gzip", "x-gzip", "deflate", "raw", "br", "identity"])
def test_a_compressed_answer_is_read_whole_and_streamed(name, own):
    header = f"content-encoding: {'Deflate' if name == 'raw' else name}"

    def said(head):
        assert b"accept-encoding: gzip, deflate, br\r\n" in head.lower()
        return response("200 OK", "application/json", compressed(name, GREETING), header)

    assert answered(said, own=own)["choices"][0]["message"]["content"] == "hi"
    stream = response("200 OK", "text/event-stream", compressed(name, EVENTS), header)
    assert answered(stream, own=own) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("name", ["gzip", "br"])
def test_an_error_may_be_compressed(name, own):
    body = compressed(name, b'{"error": {"message": "no such key"}}')

    with pytest.raises(UnavailableError, match="no such key"):
        answered(response("401 No", "application/json", body, f"content-encoding: {name}"), own=own)


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
def test_a_small_body_that_inflates_without_end_costs_no_more_than_the_limit(name, kind, own, monkeypatch):
    monkeypatch.setattr(http_client, "LARGEST", 1_000_000)
    bomb = compressed(name, b" " * 30_000_000)
    assert len(bomb) < 40_000
    tracemalloc.start()
    try:
        with pytest.raises(CutStreamError, match="sent more than 1 MB as one answer"):
            answered(response("200 OK", kind, bomb, f"content-encoding: {name}"), own=own)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
def test_of_an_error_that_inflates_without_end_the_beginning_is_read(own):
    bomb = compressed("br", b"no " * 5_000_000)

    with pytest.raises(UnavailableError, match=r"^HTTP 400: no no no"):
        answered(response("400 No", "", bomb, "content-encoding: br"), own=own)


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip, br", "zstd", "br,gzip , deflate"])
def test_encodings_that_are_stacked_or_that_nobody_asked_for_are_refused(encoding, own):
    body = compressed("gzip", compressed("gzip", GREETING))

    with pytest.raises(UnavailableError, match="was not requested"):
        answered(response("200 OK", "application/json", body, f"content-encoding: {encoding}"), own=own)


def test_encodings_stacked_over_two_headers_are_refused():
    headers = ["content-encoding: gzip", "content-encoding: gzip"]

    for own in (False, True):
        with pytest.raises(UnavailableError, match="was not requested"):
            answered(response("200 OK", "", compressed("gzip", GREETING), *headers), own=own)


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
def test_a_body_that_is_not_of_its_encoding_is_an_error(own):
    with pytest.raises(CutStreamError, match="does not match its content encoding"):
        answered(response("200 OK", "application/json", GREETING, "content-encoding: gzip"), own=own)


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize(
    "kind", ["Text/Event-Stream", "text/plain; charset=utf-8", "", "application/octet-stream", "application/json"]
)
def test_an_event_stream_is_known_by_its_first_bytes(kind, own):
    assert answered(response("200 OK", kind, EVENTS), own=own) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("kind", ["Application/X-NDJSON", "text/plain", "", "application/json", "text/event-stream"])
def test_lines_of_json_are_known_by_the_first_of_them(kind):
    assert answered(response("200 OK", kind, b'{"n": 1}\n{"n": 2}\n')) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
@pytest.mark.parametrize("status", ["400 No", "401 No", "404 No", "500 No", "529 No", "302 Found"])
def test_no_error_of_any_status_tells_the_key(status, own):
    key = "topsecret-team-token"
    page = (
        f'{{"error": {{"message": "{key} {quote(key)} {b64encode(key.encode()).decode()} topsecret-te***"}}}}'.encode()
    )
    said = response(status, "application/json", page, f"location: https://{key}.example/{key}")

    with pytest.raises(UnavailableError) as failed:
        answered(said, own=own, headers={"authorization": f"Bearer {key}"}, attempts=1)
    told = f"{failed.value} {failed.value.message} {failed.value.fault} {failed.value!r}"
    assert "topsecret" not in told
    assert b64encode(key.encode()).decode()[:8] not in told


def test_a_key_in_a_content_type_is_not_told():
    with pytest.raises(UnavailableError, match=r"answers with \[key\]") as failed:
        answered(response("200 OK", "verysecret", b"hi"), headers={"x-api-key": "verysecret"})
    assert "verysecret" not in failed.value.message


@pytest.mark.parametrize("own", [False, True], ids=["httpx", "aiohttp"])
def test_a_reply_is_whole_whatever_its_status(own):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response("404 No", "text/plain", compressed("gzip", b"gone"), "content-encoding: gzip"))
        writer.close()

    async def ask():
        if own:
            http_client.use_aiohttp()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            call = Call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", None, {}, "GET")
            whole = await http_client.reply(call, Patience())
            with pytest.raises(CutStreamError, match="sent more than"):
                await http_client.reply(call, Patience(), largest=3)
            return whole.status, whole.body, whole.headers["Content-Type"]

    assert run(ask()) == (404, b"gone", "text/plain")


def test_without_aiohttp_httpx_asks(mock_server, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "samplemind_cli.ai.aiohttp_client", raising=False)
    monkeypatch.delattr("samplemind_cli.ai.aiohttp_client", raising=False)

    async def ask():
        http_client.use_aiohttp()
        return await make_ai_request(f"{mock_server.url}/v1/chat/completions", CHAT, headers=KEY)

    assert run(ask())["choices"]
