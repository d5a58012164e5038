import asyncio
import gc
import os
import subprocess
import sys

import pytest

from samplemind_cli.ai.flight import Flights
from samplemind_cli.ai.types import Chunk

HOLDER = """
import asyncio, sys
from pathlib import Path
from samplemind_cli.ai.flight import Flights

async def hold():
    async with Flights(Path(sys.argv[1])).alone("a" * 64):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


def in_loop(test):
    return lambda tmp_path: asyncio.run(asyncio.wait_for(test(Flights(tmp_path / "flights.lock")), 30))


async def heard(flights, key, lead, deadline=None):
    return [chunk.text async for chunk in flights.join(key, lead, deadline)]


class Upstream:
    """A call that says a word each time it is told to go on."""

    def __init__(self, words="abc", error=None):
        self.calls, self.hung_up, self.words, self.error = 0, False, words, error
        self.go = asyncio.Event()

    async def __call__(self, emit):
        self.calls += 1
        try:
            for word in self.words:
                emit(Chunk(word))
                await self.go.wait()
            if self.error:
                raise self.error
        except asyncio.CancelledError:
            self.hung_up = True
            raise


@in_loop
async def test_ten_callers_make_one_call_and_each_hears_all_of_it(flights):
    upstream = Upstream()
    callers = [asyncio.create_task(heard(flights, "k", upstream)) for _ in range(9)]
    await asyncio.sleep(0.01)
    late = asyncio.create_task(heard(flights, "k", upstream))
    upstream.go.set()

    assert await asyncio.gather(*callers, late) == [["a", "b", "c"]] * 10
    assert upstream.calls == 1


@in_loop
async def test_different_keys_are_different_calls(flights):
    one, other = Upstream("x"), Upstream("y")
    one.go.set()
    other.go.set()

    assert await asyncio.gather(heard(flights, "1", one), heard(flights, "2", other)) == [["x"], ["y"]]


@in_loop
async def test_a_call_that_is_over_is_not_joined(flights):
    upstream = Upstream()
    upstream.go.set()

    await heard(flights, "k", upstream)
    await heard(flights, "k", upstream)

    assert upstream.calls == 2


@in_loop
async def test_every_caller_hears_of_the_failure(flights):
    upstream = Upstream(error=ValueError("broken"))
    upstream.go.set()

    found = await asyncio.gather(*(heard(flights, "k", upstream) for _ in range(3)), return_exceptions=True)

    assert [str(error) for error in found] == ["broken"] * 3


@in_loop
async def test_the_call_is_hung_up_when_its_last_caller_leaves_and_not_before(flights):
    upstream = Upstream()
    first, second = (flights.join("k", upstream, None) for _ in range(2))
    await anext(first)
    await anext(second)

    await first.aclose()
    assert not upstream.hung_up
    await second.aclose()
    assert upstream.hung_up


@in_loop
async def test_a_deadline_ends_the_waiting_of_one_caller_alone(flights):
    upstream = Upstream()
    patient = asyncio.create_task(heard(flights, "k", upstream))
    await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await heard(flights, "k", upstream, asyncio.get_running_loop().time() + 0.02)
    upstream.go.set()

    assert await patient == ["a", "b", "c"]


@in_loop
async def test_one_holder_at_a_time_within_a_process_too(flights):
    inside, most = 0, 0

    async def hold():
        nonlocal inside, most
        async with flights.alone("a" * 64):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.002)
            inside -= 1

    await asyncio.gather(*(hold() for _ in range(5)))
    assert most == 1


@in_loop
async def test_different_keys_do_not_wait_for_each_other(flights):
    async with flights.alone("a" * 64), flights.alone("b" * 64):
        pass


def test_two_cores_in_one_process_wait_for_each_other(tmp_path):
    path = tmp_path / "flights.lock"

    async def second_comes_while_the_first_is_inside():
        one, other = Flights(path), Flights(path)
        async with one.alone("a" * 64):
            waiting = asyncio.create_task(other.alone("a" * 64).__aenter__())
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
        await asyncio.wait_for(waiting, 10)

    asyncio.run(second_comes_while_the_first_is_inside())


@in_loop
async def test_a_key_is_free_again_after_its_holder_failed(flights):
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            async with flights.alone("a" * 64):
                raise ValueError("broken")


@pytest.mark.integration
def test_a_killed_holder_lets_go(tmp_path):
    path = tmp_path / "flights.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, env=os.environ)
    try:
        assert holder.stdout.readline() == b"held\n"

        async def wait_for_it():
            async with Flights(path).alone("a" * 64):
                return holder.poll()

        async def killing():
            waiting = asyncio.create_task(wait_for_it())
            done, _ = await asyncio.wait([waiting], timeout=0.2)
            assert not done
            holder.kill()
            return await asyncio.wait_for(waiting, 10)

        asyncio.run(killing())
        assert holder.wait(10) == -9
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_without_a_lockable_folder_nobody_waits(tmp_path):
    (tmp_path / "file").touch()

    async def enter():
        async with Flights(tmp_path / "file" / "flights").alone("a" * 64):
            return "inside"

    assert asyncio.run(enter()) == "inside"


@in_loop
async def test_a_call_that_fails_as_its_last_follower_leaves_is_nobodys_news(flights):
    told, upstream = [], Upstream("a", ValueError("too late"))
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    follower = flights.join("key", upstream, None)
    await anext(follower)
    upstream.go.set()
    while flights._flights:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)

    await follower.aclose()
    del follower, upstream
    gc.collect(1)
    await asyncio.sleep(0.01)  # asyncio closes a generator that was collected in a task of its own
    gc.collect(1)

    assert told == []
