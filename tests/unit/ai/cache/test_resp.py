"""Replies, whole and in pieces, to those who asked."""

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.cache import resp
from samplemind_cli.ai.cache.resp import ProtocolError, RespConnection, RespError


class Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def abort(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def connected():
    connection, wire = RespConnection(), Wire()
    connection.connection_made(wire)
    return connection, wire


def soon(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


async def asked(connection, *commands):
    """A request that is under way."""
    task = asyncio.create_task(connection.ask(*commands, deadline=soon()))
    await asyncio.sleep(0)
    return task


def test_commands_are_arrays_of_bulk_strings():
    async def run():
        connection, wire = connected()
        task = await asked(connection, (b"GET", b"k\r\n"), (b"PTTL", b"k"))
        connection.data_received(b"$2\r\nhi\r\n:12\r\n")
        return wire.written, await task

    assert asyncio.run(run()) == (b"*2\r\n$3\r\nGET\r\n$3\r\nk\r\n\r\n*2\r\n$4\r\nPTTL\r\n$1\r\nk\r\n", [b"hi", 12])


@given(st.lists(st.binary() | st.none() | st.integers(), min_size=1, max_size=5), st.data())
def test_replies_come_in_order_however_they_are_cut(replies, data):
    wire = b"".join(
        b"$-1\r\n" if r is None else b":%d\r\n" % r if isinstance(r, int) else b"$%d\r\n%b\r\n" % (len(r), r)
        for r in replies
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))

    async def run():
        connection, _ = connected()
        tasks = [await asked(connection, (b"GET", b"k")) for _ in replies]
        for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            connection.data_received(wire[begin:end])
        return [(await task)[0] for task in tasks]

    assert asyncio.run(run()) == replies


def test_an_error_is_a_reply():
    async def run():
        connection, _ = connected()
        task = await asked(connection, (b"GET", b"k"))
        connection.data_received(b"-LOADING Redis is loading\r\n")
        return await task, connection.open

    (reply,), still_open = asyncio.run(run())
    assert isinstance(reply, RespError)
    assert str(reply) == "LOADING Redis is loading"
    assert still_open


def test_a_late_reply_is_never_anothers():
    async def run():
        connection, wire = connected()
        with pytest.raises(TimeoutError):
            await connection.ask((b"GET", b"a"), deadline=soon(0))
        with pytest.raises(ConnectionError):
            await connection.ask((b"GET", b"b"), deadline=soon())
        connection.data_received(b"$1\r\na\r\n")
        return wire.closed

    assert asyncio.run(run())


def test_a_cancelled_callers_reply_is_thrown_away():
    async def run():
        connection, _ = connected()
        first, second = await asked(connection, (b"GET", b"a")), await asked(connection, (b"GET", b"b"))
        first.cancel()
        await asyncio.sleep(0)
        connection.data_received(b"$1\r\na\r\n$1\r\nb\r\n")
        return await second, first.cancelled()

    assert asyncio.run(run()) == ([b"b"], True)


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n", b"$2\r\nhi\r\n$2\r\nhi\r\n", b"\x00\x00", b"*1\r\n"]
)
def test_what_does_not_speak_redis_is_hung_up_on(noise):
    async def run():
        connection, wire = connected()
        task = await asked(connection, (b"GET", b"k"))
        connection.data_received(noise)
        await asyncio.gather(task, return_exceptions=True)
        return wire.closed

    assert asyncio.run(run())


def test_everyone_who_waits_is_told_of_a_lost_connection():
    async def run():
        connection, _ = connected()
        tasks = [await asked(connection, (b"GET", b"k")) for _ in range(3)]
        connection.connection_lost(None)
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(error, ConnectionError) for error in asyncio.run(run()))


def test_a_lost_connection_is_no_news_when_whoever_asked_has_left():
    told = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        connection, _ = connected()
        task = await asked(connection, (b"GET", b"k"))
        task.cancel()
        await asyncio.wait([task])
        connection.connection_lost(None)

    asyncio.run(run())
    gc.collect(1)
    assert told == []


def test_protocol_errors_are_connection_errors():
    assert issubclass(ProtocolError, ConnectionError)


@pytest.mark.parametrize("said", [b"$2000\r\n", b"+" + b"x" * 2000, b"-" + b"x" * 2000, b"$9" + b"9" * 2000])
def test_a_reply_without_end_is_read_up_to_the_limit(monkeypatch, said):
    monkeypatch.setattr(resp, "LARGEST", 1000)

    async def run():
        connection, wire = connected()
        task = await asked(connection, (b"GET", b"k"))
        connection.data_received(said)
        (error,) = await asyncio.gather(task, return_exceptions=True)
        return wire.closed, error

    closed, error = asyncio.run(run())
    assert closed
    assert isinstance(error, ProtocolError)
