import asyncio

import pytest

from samplemind_cli.server.gate import Gate
from samplemind_cli.server.message import HttpError


def test_one_works_one_waits_and_the_third_is_sent_away():
    async def three():
        gate, leave, order = Gate(1, 1), asyncio.Event(), []

        async def work(name):
            async with gate:
                order.append(name)
                await leave.wait()

        first, second = asyncio.create_task(work("first")), asyncio.create_task(work("second"))
        await asyncio.sleep(0)
        assert (gate.inside, gate.in_line) == (1, 1)
        with pytest.raises(HttpError) as refused:
            await work("third")
        leave.set()
        await asyncio.gather(first, second)
        return order, refused.value.status, gate.inside, gate.in_line, gate.waited > 0

    assert asyncio.run(three()) == (["first", "second"], 503, 0, 0, True)


def test_whoever_gives_up_in_line_frees_his_place():
    async def giving_up():
        gate = Gate(1, 1)
        async with gate:
            waiting = asyncio.create_task(gate.__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return gate.in_line

    assert asyncio.run(giving_up()) == 0
