"""serve's connections through aiohttp before small servers that do what real ones do, and what they should not."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from samplemind_cli.ai import aiohttp_client, httpx_client
from samplemind_cli.ai.aiohttp_client import PIECE, Pool
from samplemind_cli.ai.patience import LinkError, Patience
from samplemind_cli.ai.types import Call

AHEAD = 1024 * 1024  # bytes that may have come and not been read, in all buffers on the way

SHORT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"


class Server:
    """Answers each request with the next of `answers`, bytes or a coroutine function of its streams."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.requests = []  # (connection, head, body)
        self.connections = 0
        self.tasks = []
        self.ended = asyncio.Event()  # a client hung up, or was hung up on

    async def serve(self, reader, writer):
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        number = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                self.requests.append((number, head, await reader.readexactly(sum(length))))
                answer = self._answers.pop(0)
                if callable(answer):
                    await answer(reader, writer)
                else:
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
            self.ended.set()


@asynccontextmanager
async def running(*answers):
    """A server, a pool, and a function that sends a call there."""
    server, pool = Server(*answers), Pool(ssl.create_default_context)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    def send(path="/", headers=None, body=b"{}", read=5, **patience):
        call = Call(f"http://127.0.0.1:{port}{path}", None)
        return pool.send(call, headers or {}, body, Patience(read=read, **patience))

    async with listening:
        yield server, pool, send
        await pool.close()
        await asyncio.gather(*server.tasks)


def ask(pool, url):
    return pool.send(Call(url, None), {"x-api-key": "secret"}, b"{}", Patience(read=5))


async def whole(response):
    body = b""
    while data := await response.read():
        body += data
    await response.aclose()
    return body


async def closing(_reader, writer):
    """End the connection as a server does that is done with it."""
    writer.close()


def then(*pieces, end=closing):
    """Pieces in packets of their own, then what `end` does."""

    async def answer(reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if end:
            await end(reader, writer)

    return answer


def run(check):
    """A test in a loop of its own, which nothing may keep for ever."""

    def test():
        asyncio.run(asyncio.wait_for(check(), 120))  # 3 s of CPU, on a machine that others use

    test.__name__ = check.__name__
    return test


@run
async def test_a_request_goes_out_as_it_was_described():
    async with running(SHORT) as (server, _, send):
        response = await send("/v1/chat?alt=sse", {"authorization": "Bearer k"}, b'{"a": 1}')

        assert (response.status_code, response.headers["content-length"]) == (200, "2")
        assert await whole(response) == b"ok"
    _, head, body = server.requests[0]
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/chat?alt=sse HTTP/1.1"
    assert {"Content-Length: 8", "authorization: Bearer k"} < set(lines)
    assert body == b'{"a": 1}'


@run
async def test_a_connection_is_used_again_one_request_after_the_other():
    async with running(SHORT, SHORT, SHORT) as (server, _, send):
        for _ in range(3):
            assert await whole(await send()) == b"ok"

        assert [number for number, _, _ in server.requests] == [1, 1, 1]


@run
async def test_requests_at_the_same_time_have_a_connection_each():
    async with running(SHORT, SHORT, SHORT) as (server, _, send):
        first, second = await asyncio.gather(send(), send())
        assert [await whole(first), await whole(second)] == [b"ok", b"ok"]
        assert server.connections == 2

        await whole(await send())
        assert server.connections == 2


@run
async def test_a_kept_connection_whose_end_has_come_and_is_unread_is_not_used():
    times = 20

    async def short_and_closed(_reader, writer):
        writer.write(SHORT)
        writer.close()

    async with running(*[short_and_closed] * times) as (server, _, send):
        for _ in range(times):
            assert await whole(await send()) == b"ok"
        assert server.connections == times


@run
async def test_a_kept_connection_that_the_server_closed_is_not_used():
    async with running(then(SHORT), SHORT) as (server, _, send):
        await whole(await send())
        await server.ended.wait()
        await asyncio.sleep(0.01)  # its end arrives

        assert await whole(await send()) == b"ok"
        assert server.connections == 2


@run
async def test_a_server_that_wants_no_more_requests_gets_none_on_that_connection():
    last = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with running(last, SHORT) as (server, _, send):
        await whole(await send())
        await whole(await send())

        assert server.connections == 2


def test_a_connection_that_was_idle_too_long_is_closed_and_not_used(monkeypatch):
    monkeypatch.setattr(aiohttp_client, "KEPT", 0)

    @run
    async def check():
        async with running(SHORT, SHORT) as (server, _, send):
            await whole(await send())
            await whole(await send())
            await server.ended.wait()
            assert server.connections == 2

    check()


def test_a_connection_for_which_nobody_comes_is_closed(monkeypatch):
    monkeypatch.setattr(aiohttp_client, "KEPT", 0.05)

    @run
    async def check():
        async with running(SHORT) as (server, _, send):
            await whole(await send())
            await server.ended.wait()

    check()


@run
async def test_closing_the_pool_closes_what_is_idle():
    async with running(SHORT) as (server, pool, send):
        await whole(await send())
        await pool.close()

        await server.ended.wait()


@run
async def test_a_connection_given_back_twice_is_kept_once():
    async with running(SHORT, SHORT, SHORT) as (server, _, send):
        response = await send()
        await whole(response)
        await response.aclose()

        both = await asyncio.gather(send(), send())
        assert [await whole(response) for response in both] == [b"ok", b"ok"]
        assert server.connections == 2


@run
async def test_a_chunked_body_comes_as_it_arrives():
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    go = asyncio.Event()

    async def answer(_reader, writer):
        writer.write(head)
        await go.wait()
        writer.write(b"1\r\n!\r\n0\r\n\r\n")

    async with running(answer, SHORT) as (server, _, send):
        response = await send()
        assert await response.read() == b"hello"
        go.set()
        assert await whole(response) == b"!"

        await whole(await send())
        assert server.connections == 1


@run
async def test_a_body_without_a_length_ends_with_its_connection():
    async with running(then(b"HTTP/1.1 200 OK\r\n\r\none ", b"two"), SHORT) as (server, _, send):
        assert await whole(await send()) == b"one two"
        await whole(await send())
        assert server.connections == 2


@pytest.mark.parametrize(
    "head",
    [b"content-length: 9\r\n\r\nhalf", b"transfer-encoding: chunked\r\n\r\n9\r\nhalf"],
    ids=["length", "chunked"],
)
def test_a_body_that_ends_too_early_is_cut_and_not_whole(head):
    @run
    async def check():
        async with running(then(b"HTTP/1.1 200 OK\r\n", head)) as (_, _, send):
            response = await send()
            with pytest.raises(LinkError) as cut:
                await whole(response)
            await response.aclose()
        assert not cut.value.timed_out

    check()


@run
async def test_information_before_the_answer_is_passed_over():
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with running(b"HTTP/1.1 100 Continue\r\n\r\n" + early + SHORT, SHORT) as (server, _, send):
        response = await send()
        assert (response.status_code, "link" in response.headers) == (200, False)
        assert await whole(response) == b"ok"
        await whole(await send())
        assert server.connections == 1


@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
def test_a_header_that_holds_the_end_of_a_line_is_never_sent(kept):
    @run
    async def check():
        async with running(SHORT, SHORT) as (server, _, send):
            if kept:
                await whole(await send())
            for wrong in ({"x": "a\r\nevil: 1"}, {"x\n": "a"}):
                with pytest.raises(LinkError, match="control character"):
                    await send(headers=wrong)
            assert await whole(await send()) == b"ok"
        assert [head for _, head, _ in server.requests if b"evil" in head] == []
        assert len(server.requests) == 1 + kept

    check()


@run
async def test_leaving_a_body_unread_hangs_up_and_so_the_provider_stops():
    async with running(then(ENDLESS, end=lambda reader, _: reader.read())) as (server, _, send):
        response = await send()
        await response.aclose()
        await server.ended.wait()


@run
async def test_cancelling_while_nothing_comes_hangs_up():
    arrived = asyncio.Event()

    async def silent(reader, _writer):
        arrived.set()
        await reader.read()

    async with running(silent) as (server, _, send):
        waiting = asyncio.ensure_future(send())
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await server.ended.wait()


@run
async def test_a_body_that_nobody_reads_stops_coming_and_goes_on_when_it_is_read():
    size = 32 * AHEAD
    written = 0

    async def answer(_reader, writer):
        nonlocal written
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    async with running(answer, SHORT) as (server, _, send):
        response = await send()
        before = -1
        while before != written:  # until it stands still
            before = written
            await asyncio.sleep(0.05)
        assert written < size / 2
        assert len(await whole(response)) == size
        await whole(await send())  # behind it on the same connection
        assert written == size
        assert server.connections == 1


@run
async def test_silence_is_told_apart_from_a_broken_connection():
    async with running(then(end=lambda reader, _: reader.read()), then(ENDLESS, end=lambda r, _: r.read()), then()) as (
        _,
        _,
        send,
    ):
        with pytest.raises(LinkError) as silent:
            await send(read=0.02)
        response = await send(read=0.02)
        with pytest.raises(LinkError) as stalled:
            await whole(response)
        await response.aclose()
        with pytest.raises(LinkError) as broken:
            await send()
    assert [(e.value.timed_out, e.value.connecting) for e in (silent, stalled, broken)] == [
        (True, False),
        (True, False),
        (False, False),
    ]


@run
async def test_what_is_not_http_is_an_error():
    async with running(b"220 mail.example ESMTP\r\n\r\n") as (_, _, send):
        with pytest.raises(LinkError, match="not HTTP"):
            await send()


@pytest.mark.parametrize("line", [b"x: " + b"y" * 1000, b"x: y\r\n" * 200], ids=["one line", "many"])
def test_a_head_without_an_end_is_left(line):
    @run
    async def check():
        endless = then(
            b"HTTP/1.1 200 OK\r\n", *[line] * (2 * aiohttp_client.HEAD // 1000), end=lambda reader, _: reader.read()
        )
        async with running(endless, SHORT) as (server, _, send):
            with pytest.raises(LinkError, match="not HTTP"):
                await send()
            assert await whole(await send()) == b"ok"
            assert server.connections == 2

    check()


@run
async def test_words_that_nobody_asked_for_do_not_become_an_answer():
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    async with running(SHORT + forged, SHORT) as (server, _, send):
        assert await whole(await send()) == b"ok"
        assert await whole(await send()) == b"ok"
        assert server.connections == 2


@run
async def test_a_refused_connection_and_a_wrong_port_fail_before_anything_is_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        pool = Pool(ssl.create_default_context)
        for port in (taken.getsockname()[1], 99999):
            with pytest.raises(LinkError) as refused:
                await ask(pool, f"http://127.0.0.1:{port}/")
            assert (refused.value.connecting, refused.value.timed_out) == (True, False)
        await pool.close()


@run
async def test_no_tls_where_tls_was_asked_for_fails_before_anything_is_sent():
    heard = asyncio.get_running_loop().create_future()

    async def plain(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        heard.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
        pool = Pool(ssl.create_default_context)
        with pytest.raises(LinkError) as failed:
            await ask(pool, f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")
        await pool.close()
        assert b"secret" not in await heard
    assert (failed.value.connecting, failed.value.timed_out) == (True, False)


@run
async def test_a_redirect_is_an_answer_and_is_not_followed():
    async with running(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n") as (server, _, send):
        response = await send()
        await whole(response)
        assert (response.status_code, response.headers["Location"], len(server.requests)) == (302, "/elsewhere", 1)


@run
async def test_a_cookie_is_not_sent_back():
    crumb = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with running(crumb, SHORT) as (server, _, send):
        await whole(await send())
        await whole(await send())
        assert b"cookie" not in server.requests[1][1].lower()


@run
async def test_a_kept_connection_that_closes_as_the_request_comes_costs_no_error():
    async with running(then(SHORT, end=close_at_next), SHORT) as (server, _, send):
        await whole(await send())

        assert await whole(await send()) == b"ok"
        assert server.connections == 2


async def close_at_next(reader, writer):
    """Hang up when the next request comes, as a server does whose time for idle connections is over."""
    await reader.read(65536)
    writer.transport.abort()


@run
async def test_a_large_body_arrives_whole_and_with_its_length():
    body = bytes(range(256)) * (3 * PIECE // 256) + b"end"
    async with running(SHORT) as (server, _, send):
        await whole(await send(body=body))
    _, head, came = server.requests[0]
    assert came == body
    assert b"transfer-encoding" not in head.lower()


def test_a_server_that_does_not_read_a_large_body_is_left():
    @run
    async def check():
        async def deaf(_reader, writer):
            tasks.append(asyncio.current_task())
            writer.transport.pause_reading()
            await gone.wait()
            writer.transport.abort()

        gone, tasks = asyncio.Event(), []
        async with await asyncio.start_server(deaf, "127.0.0.1", 0) as listening:
            pool, port = Pool(ssl.create_default_context), listening.sockets[0].getsockname()[1]
            with pytest.raises(LinkError) as silent:
                await pool.send(Call(f"http://127.0.0.1:{port}/", None), {}, bytes(50_000_000), Patience(write=0.1))
            gone.set()
            await asyncio.gather(*tasks)
            await pool.close()
        assert (silent.value.timed_out, silent.value.connecting) == (True, False)

    check()


@pytest.fixture
def proxied(monkeypatch):
    """A pool in an environment with a proxy."""

    def proxied(proxy, **env):
        for name, value in {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "", **env}.items():
            monkeypatch.setenv(name, value)
            monkeypatch.setenv(name.lower(), value)
        return Pool(ssl.create_default_context)

    return proxied


def test_the_environments_proxy_is_asked_with_who_may_use_it(proxied):
    @run
    async def check():
        server = Server(SHORT)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            pool = proxied(f"http://me:secret@127.0.0.1:{listening.sockets[0].getsockname()[1]}")
            assert await whole(await ask(pool, "http://api.example/v1/chat")) == b"ok"
            await pool.close()
            await asyncio.gather(*server.tasks)
        head = server.requests[0][1].lower()
        assert head.startswith(b"post http://api.example/v1/chat ")
        assert b"proxy-authorization: basic " in head

    check()


def test_a_proxy_that_refuses_is_blamed(proxied):
    @run
    async def check():
        refusing = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
        server = Server(refusing)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            pool = proxied(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
            with pytest.raises(LinkError, match="407") as refused:
                await ask(pool, "https://api.example/v1/chat")
            await pool.close()
            await asyncio.gather(*server.tasks)
        assert (refused.value.proxy, refused.value.connecting) == (True, False)

    check()


@pytest.mark.parametrize(
    ("proxy", "url", "reached"),
    [
        ("http://127.0.0.1:1", "https://api.example/v1", True),
        ("127.0.0.1:1", "https://api.example/v1", True),
        ("socks5://127.0.0.1:1", "https://api.example/v1", False),
        ("socks5://127.0.0.1:1", "http://127.0.0.1:1/v1", True),
        ("http://127.0.0.1:70000", "https://api.example/v1", False),
        ("http://127.0.0.1:1", "https://me:secret@api.example/v1", False),
        ("http://127.0.0.1:1", "ftp://api.example/v1", False),
    ],
)
def test_what_aiohttp_does_not_reach_is_left_to_httpx(proxied, proxy, url, reached):
    @run
    async def check():
        pool = proxied(proxy)
        assert pool.reaches(url) is reached
        await pool.close()

    check()


def test_a_login_in_netrc_does_not_take_the_keys_place(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    @run
    async def check():
        async with running(SHORT) as (server, _, send):
            await whole(await send(headers={"authorization": "Bearer ours"}))
        assert b"Bearer ours" in server.requests[0][1]

    check()


def test_certificates_of_ones_own_are_trusted(tmp_path, monkeypatch):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {key} -out {cert}"
    names = ["-addext", "subjectAltName=DNS:localhost"]
    made = shutil.which("openssl") and subprocess.run(
        ["openssl", *words.split(), *names], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("no openssl to make a certificate with")
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(cert, key)

    async def asked():
        server = Server(SHORT)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=theirs) as listening:
            pool = Pool(httpx_client.tls)
            try:
                url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/"
                return await whole(await ask(pool, url))
            finally:
                await pool.close()
                await asyncio.gather(*server.tasks)

    @run
    async def check():
        with pytest.raises(LinkError, match=r"(?i)certificate") as refused:
            await asked()
        assert refused.value.connecting
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert await asked() == b"ok"

    check()
