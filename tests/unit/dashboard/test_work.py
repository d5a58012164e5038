import asyncio
import threading
from contextlib import aclosing

from samplemind_cli.dashboard import work
from samplemind_cli.dashboard.work import worked
from samplemind_cli.errors import SamplemindError


async def heard(stream, most=100):
    found = []
    async with aclosing(stream.events) as events:
        async for event in events:
            if not event.startswith(b":"):
                found.append(event)
            if len(found) == most:
                break
    return found


def test_what_work_tells_is_heard_in_turn_and_its_error_last():
    def tell_two(tell):
        tell("note", 1)
        tell("note", {"x": "é\n"})
        raise SamplemindError("it failed", "try again")

    found = asyncio.run(_all(tell_two))

    assert found == [
        b"event: note\ndata: 1\n\n",
        'event: note\ndata: {"x":"é\\n"}\n\n'.encode(),
        b'event: error\ndata: {"message":"it failed","hint":"try again"}\n\n',
    ]


def test_a_bug_is_told_without_its_words(caplog):
    def break_down(_):
        raise ValueError("secret")

    found = asyncio.run(_all(break_down))

    assert b"an internal error" in found[0]
    assert b"secret" not in found[0]
    assert "secret" in caplog.text


def test_work_goes_on_when_nobody_listens_any_more(monkeypatch):
    monkeypatch.setattr(work, "TICK", 0.01)
    finished, left = threading.Event(), threading.Event()

    def tell_much(tell):
        for n in range(3 * work.AHEAD):
            tell("n", n)
        finished.set()

    asyncio.run(_all(tell_much, 5, left.set))

    assert left.is_set()
    assert finished.wait(10)


def test_work_waits_for_whoever_listens(monkeypatch):
    monkeypatch.setattr(work, "AHEAD", 3)
    told = []

    def tell_much(tell):
        for n in range(10):
            tell("n", n)
            told.append(n)

    async def slowly():
        stream = worked(tell_much)
        await asyncio.sleep(0.2)
        ahead = len(told)
        return ahead, await heard(stream)

    ahead, found = asyncio.run(slowly())

    assert ahead == 3
    assert len(found) == 10


def test_a_stream_ends_when_it_is_over(monkeypatch):
    monkeypatch.setattr(work, "TICK", 0.01)
    over, released = threading.Event(), threading.Event()

    async def ended():
        stream = worked(lambda _: released.wait(20), over=over.is_set)
        asyncio.get_running_loop().call_later(0.05, over.set)
        return await asyncio.wait_for(heard(stream), 5)

    assert asyncio.run(ended()) == []
    released.set()


async def _all(job, most=100, left=lambda: None):
    return await heard(worked(job, left), most)
