"""The shared tier on a Sentinel's master and on a Cluster, both real, and what people ask of them."""

import asyncio
import socket
import subprocess

import pytest
from parts.waiting import until
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from samplemind_cli.ai.cache import cache_key
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.errors import SamplemindError

pytestmark = pytest.mark.integration
KEYS = [cache_key("ollama", {"n": n}) for n in range(20)]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def cluster(start_redis):
    """A Cluster of one node, which has all slots; its URL and the node."""
    node = start_redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    until(lambda: b"cluster_state:ok" in node.client.execute_command("CLUSTER", "INFO"))
    return f"redis+cluster://127.0.0.1:{node.port}", node


@pytest.fixture
def sentinel(start_redis, tmp_path):
    """A master `mine` with a password, and its sentinel; its URL and the master."""
    master = start_redis("--requirepass", "s3cret")
    port, file = free_port(), tmp_path / "sentinel.conf"
    monitored = f"sentinel monitor mine 127.0.0.1 {master.port} 1\nsentinel auth-pass mine s3cret\n"
    file.write_text(f"port {port}\nbind 127.0.0.1\n{monitored}")
    with subprocess.Popen(["redis-server", str(file), "--sentinel"], stdout=subprocess.DEVNULL) as process:
        client = Redis(port=port)
        until(lambda: answers(client))
        yield f"redis+sentinel://:s3cret@127.0.0.1:{port}/mine/2", master
        client.close()
        process.kill()


def answers(client):
    try:
        return client.ping()
    except RedisConnectionError:
        return False


@pytest.fixture(params=["cluster", "sentinel"])
def several(request):
    return request.getfixturevalue(request.param)


def test_answers_are_kept_and_found(several, connect):
    async def run():
        cache = connect(several[0])
        await asyncio.gather(*(cache.put(key, key) for key in KEYS))
        found = await asyncio.gather(*(cache.get(key) for key in KEYS))
        answering = await cache.shared_answers()
        await cache.close()
        return cache.said, answering, [hit.value for hit in found]

    assert asyncio.run(run()) == ([], True, KEYS)


def test_machines_agree_on_who_asks_and_how_often(several, connect):
    async def run():
        cache = connect(several[0])
        async with cache.alone(KEYS[0]):
            waits = [await cache.take("openai", 60) for _ in range(2)]
        async with asyncio.timeout(5), cache.alone(KEYS[0]):
            pass
        await cache.close()
        return waits, cache.said

    assert asyncio.run(run()) == ([0, 0], [])


def test_what_people_ask_is_answered_over_all_nodes(several, connect):
    cache = connect(several[0])
    for key in KEYS:
        asyncio.run(cache.put(key, key))

    told = cache.stats()["redis"]
    assert (told["reachable"], told["entries"]) == (True, len(KEYS))
    assert "s3cret" not in told["url"]
    assert cache.show(KEYS[3])["value"] == KEYS[3]
    assert cache.clear(Removal("ollama"))["redis"] == len(KEYS)
    assert asyncio.run(cache.get(KEYS[0])) is None


def test_one_that_has_died_is_a_miss_told_once_and_an_error_for_who_asks(several, connect):
    url, server = several
    server.kill()
    cache = connect(url)

    async def run():
        return [await cache.get(key) for key in KEYS]

    try:
        assert asyncio.run(run()) == [None] * len(KEYS)
        assert len(cache.said) == 1
        assert "s3cret" not in cache.said[0]
        with pytest.raises(SamplemindError, match="cannot query Redis"):
            cache.clear()
    finally:
        server.start()


def test_a_frozen_one_costs_one_wait(several, connect, monkeypatch):
    from samplemind_cli.ai.cache import redis as tier

    async def run():
        cache = connect(several[0])
        await cache.put(KEYS[0], "hi")
        monkeypatch.setattr(tier, "TRUST", 0.05)
        several[1].freeze()
        began = asyncio.get_running_loop().time()
        found = [await cache.get(key) for key in KEYS]
        took = asyncio.get_running_loop().time() - began
        several[1].thaw()
        return found, took, cache.said

    found, took, said = asyncio.run(run())
    assert found == [None] * len(KEYS)
    assert took < 2
    assert len(said) == 1
