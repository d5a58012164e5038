import asyncio
import threading
import time
from contextlib import aclosing

from samplemind_cli.dashboard.live import Live, Topic
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.message import Incoming


class Looked:
    """A look that is slow to open, and knows whether it is open."""

    opened = closed = 0

    def __init__(self, values, wait=0.0):
        time.sleep(wait)
        self.values = values
        Looked.opened += 1

    def look(self):
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        if isinstance(value, Exception):
            raise value
        return value

    def close(self):
        Looked.closed += 1


def incoming(accept):
    asked = Incoming("GET", "/live", {"accept": accept}, b"", "1")
    asked.query = "topics=x"
    return asked


def live(*values, wait=0.0, draining=lambda: False):
    Looked.opened = Looked.closed = 0
    held = [*values]
    return Live({"x": Topic(lambda: Looked(held, wait), 0.01)}, draining)


async def events(answering, most):
    found = []
    stream = await answering.answer(incoming("text/event-stream"))
    async with aclosing(stream.events) as told:
        async for event in told:
            if not event.startswith(b":"):
                found.append(event.split(b"data: ")[1].strip())
            if len(found) == most:
                break
    return found


def test_a_topic_is_told_when_it_changed_and_not_else():
    assert asyncio.run(events(live(1, 1, 1, 2, 2, 3), 3)) == [b"1", b"2", b"3"]
    assert Looked.opened == Looked.closed == 1


def test_a_topic_that_failed_is_told_with_what_helps_and_watched_anew():
    found = asyncio.run(events(live(1, SamplemindError("no Docker", "install it"), 2), 3))

    assert found == [b"1", b'{"error":{"message":"no Docker","hint":"install it"}}', b"2"]
    assert Looked.opened == Looked.closed == 2


def test_a_bug_in_a_look_is_told_and_does_not_end_the_watching(caplog):
    found = asyncio.run(events(live(1, ValueError("secret"), 2), 3))

    assert b"secret" not in found[1]
    assert found[2] == b"2"
    assert "secret" in caplog.text


def test_a_look_that_was_being_opened_when_the_page_was_closed_is_closed():
    async def left_early():
        answering = live(1, wait=0.2)
        stream = await answering.answer(incoming("text/event-stream"))
        await anext(stream.events)
        await asyncio.sleep(0.05)
        await stream.events.aclose()

    asyncio.run(left_early())

    assert Looked.opened == Looked.closed == 1


def test_the_stream_ends_when_the_server_is_shut_down():
    draining = threading.Event()

    async def ended():
        asyncio.get_running_loop().call_later(0.1, draining.set)
        return await asyncio.wait_for(events(live(1, draining=draining.is_set), 99), 10)

    assert asyncio.run(ended()) == [b"1"]


def test_who_does_not_ask_for_events_gets_one_look():
    reply = asyncio.run(live({"a": 1}).answer(incoming("*/*")))

    assert reply.body == b'{"x":{"a":1}}'
    assert Looked.opened == Looked.closed == 1
