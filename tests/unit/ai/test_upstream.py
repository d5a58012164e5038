"""serve's own HTTP/1.1 client before small servers that do what real ones do, and what they should not."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import pytest

from samplemind_cli.ai import upstream
from samplemind_cli.ai.patience import LinkError
from samplemind_cli.ai.types import Call
from samplemind_cli.ai.upstream import AHEAD, Pool

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

    def send(path="/", headers=None, body=b"{}", read=5):
        call = Call(f"http://127.0.0.1:{port}{path}", None)
        return pool.send(call, headers or {}, body, connect=5, read=read)

    async with listening:
        yield server, pool, send
        pool.close()
        await asyncio.gather(*server.tasks)


def ask(pool, url):
    return pool.send(Call(url, None), {"x-api-key": "secret"}, b"{}", connect=5, read=5)


async def whole(response):
    body = await response.aread()
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
        asyncio.run(asyncio.wait_for(check(), 20))

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
    assert {"authorization: Bearer k", "content-length: 8", "accept-encoding: identity"} < set(lines)
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
    monkeypatch.setattr(upstream, "KEPT", 0)

    @run
    async def check():
        async with running(SHORT, SHORT) as (server, _, send):
            await whole(await send())
            await whole(await send())
            await server.ended.wait()
            assert server.connections == 2

    check()


@run
async def test_closing_the_pool_closes_what_is_idle():
    async with running(SHORT) as (server, pool, send):
        await whole(await send())
        pool.close()

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
        pieces = response.aiter_bytes()
        assert await anext(pieces) == b"hello"
        go.set()
        assert [piece async for piece in pieces] == [b"!"]
        await response.aclose()

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
                await response.aread()
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
                with pytest.raises(LinkError, match="end of a line"):
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
        assert written == size
        await whole(await send())
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
            await response.aread()
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
        endless = then(b"HTTP/1.1 200 OK\r\n", *[line] * (upstream.HEAD // 1000), end=lambda reader, _: reader.read())
        async with running(endless, SHORT) as (server, _, send):
            with pytest.raises(LinkError, match="a head of more than"):
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
        for port in (taken.getsockname()[1], 99999):
            with pytest.raises(LinkError) as refused:
                await ask(Pool(ssl.create_default_context), f"http://127.0.0.1:{port}/")
            assert (refused.value.connecting, refused.value.timed_out) == (True, False)


@run
async def test_no_tls_where_tls_was_asked_for_fails_before_anything_is_sent():
    heard = asyncio.get_running_loop().create_future()

    async def plain(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        heard.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
        with pytest.raises(LinkError) as failed:
            await ask(Pool(ssl.create_default_context), f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")
        assert b"secret" not in await heard
    assert (failed.value.connecting, failed.value.timed_out) == (True, False)
