"""The shared tier against a real Redis that dies, hangs, forgets and refuses."""

import asyncio
import json
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from samplemind_cli.ai.cache import cache_key, redis_admin
from samplemind_cli.ai.cache import redis as tier
from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.errors import SamplemindError

pytestmark = pytest.mark.integration
KEY = cache_key("ollama", {"prompt": "hello"})
OTHER = cache_key("ollama", {"prompt": "another"})


def rest_is_over(cache):
    cache._redis._resting_until = 0.0


def test_another_machine_gets_the_answer_and_keeps_it(redis, connect, tmp_path):
    async def run():
        here, there = connect(redis.url), connect(redis.url, cache_dir=str(tmp_path / "there"), cache_size=10_000)
        await here.put(KEY, {"text": "hi"}, 100)
        hits = [await there.get(KEY), await there.get(KEY)]
        await asyncio.gather(here.close(), there.close())
        return hits

    first, second = asyncio.run(run())
    assert (first.value, first.tier, second.value, second.tier) == ({"text": "hi"}, "redis", {"text": "hi"}, "local")
    assert first.expires == second.expires
    assert 90 < redis.client.ttl(KEY) <= 100
    assert json.loads(redis.client.get(KEY))["value"] == {"text": "hi"}


def test_a_key_that_never_expires_there_still_does_here(redis, connect):
    async def run():
        cache = connect(redis.url)
        kept = await cache.put(KEY, "hi", 100)
        redis.client.persist(KEY)
        return kept, await cache.get(KEY)

    kept, hit = asyncio.run(run())
    assert hit.expires == kept.expires


def test_a_killed_redis_is_a_miss_told_once_and_used_again_when_it_is_back(redis, connect):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        redis.kill()
        dead = [await cache.get(KEY) for _ in range(20)]
        attempts = len(cache.opened)
        redis.start()
        rest_is_over(cache)
        await cache.put(KEY, "again")
        return cache, dead, attempts, await cache.get(KEY)

    cache, dead, attempts, hit = asyncio.run(run())
    assert dead == [None] * 20
    assert attempts <= 3  # the first, the one that was refused, and at most one in a rest after it
    assert hit.value == "again"
    assert len(cache.said) == 1
    assert redis.url in cache.said[0]


def test_a_restart_between_two_calls_is_not_even_told(redis, connect):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        redis.kill()
        redis.start()
        return cache.said, await cache.get(KEY), await cache.put(KEY, "again"), await cache.get(KEY)

    said, forgotten, _, hit = asyncio.run(run())
    assert (said, forgotten, hit.value) == ([], None, "again")


def test_a_flushed_redis_is_a_miss(redis, connect):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        redis.client.flushall()
        return cache.said, await cache.get(KEY)

    assert asyncio.run(run()) == ([], None)


def test_a_frozen_redis_costs_one_wait_and_its_late_reply_is_nobodys(redis, connect, monkeypatch):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        await cache.put(OTHER, "another")
        redis.freeze()
        monkeypatch.setattr(tier, "TRUST", 0.04)
        asked = [await cache.get(KEY) for _ in range(50)]
        redis.thaw()
        left_alone = await cache.get(OTHER)
        rest_is_over(cache)
        return cache, asked, left_alone, await cache.get(OTHER)

    cache, asked, left_alone, hit = asyncio.run(run())
    assert asked == [None] * 50
    assert left_alone is None
    assert hit.value == "another"
    assert (len(cache.said), len(cache.opened)) == (1, 2)


def test_a_redis_that_has_answered_is_waited_for_when_it_stalls(redis, connect, monkeypatch):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        monkeypatch.setattr(tier, "PATIENCE", 0.001)
        redis.freeze()
        asyncio.get_running_loop().call_later(0.05, redis.thaw)
        return cache.said, await cache.get(KEY)

    said, hit = asyncio.run(run())
    assert (said, hit.value) == ([], "hi")


def test_a_connection_that_takes_longer_than_a_call_is_there_for_the_next(redis, connect, monkeypatch):
    monkeypatch.setattr(tier, "PATIENCE", 0.001)

    async def run():
        cache = connect(redis.url)
        really_open = cache._redis._open

        async def slowly(loop):
            await asyncio.sleep(0.05)
            return await really_open(loop)

        cache._redis._open = slowly
        first = await cache.put(KEY, "hi")
        await asyncio.wait([*cache._redis._opening.values()])
        monkeypatch.setattr(tier, "PATIENCE", 10.0)
        rest_is_over(cache)
        return first, await cache.put(KEY, "hi"), cache.opened

    first, second, opened = asyncio.run(run())
    assert (first, second.tier, len(opened)) == (None, "redis", 1)


def test_whoever_measures_it_waits_for_a_reply_that_others_would_not(redis):
    async def run():
        patient = tier.RedisTier(Address.read(redis.url), pytest.fail, patience=10.0)
        await patient.put(KEY, b"hi", 60)
        redis.freeze()
        asyncio.get_running_loop().call_later(3 * tier.PATIENCE, redis.thaw)
        found = await patient.get(KEY)
        await patient.close()
        return found

    assert asyncio.run(run())[0] == b"hi"


def test_a_redis_that_stays_frozen_is_left_alone_for_longer_and_longer(redis, connect, monkeypatch):
    monkeypatch.setattr(tier, "PATIENCE", 0.01)

    async def run():
        cache = connect(redis.url)
        redis.freeze()
        rests = []
        for _ in range(9):
            rest_is_over(cache)
            await asyncio.gather(*(cache.get(KEY) for _ in range(5)))
            rests.append(cache._redis._rest)
        return rests

    assert asyncio.run(run()) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_whoever_refuses_or_has_no_name_yet_is_asked_again_soon(redis, connect):
    redis.kill()

    async def run(url):
        cache = connect(url)
        for _ in range(3):
            rest_is_over(cache)
            await cache.get(KEY)
        return cache._redis._rest

    urls = [redis.url, "redis://not.yet.invalid/0", "unix:///not/yet"]
    assert [asyncio.run(run(url)) for url in urls] == [tier.BRIEF_REST] * 3


def test_an_address_that_accepts_and_says_nothing_is_connected_to_once(connect, monkeypatch):
    monkeypatch.setattr(tier, "PATIENCE", 0.04)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = connect(f"redis://:s3cret@127.0.0.1:{silent.getsockname()[1]}")

        async def run():
            return await asyncio.gather(*(cache.get(KEY) for _ in range(10))), await cache.put(KEY, "hi")

        assert asyncio.run(run()) == ([None] * 10, None)
    assert (len(cache.opened), len(cache.said)) == (1, 1)
    assert "s3cret" not in cache.said[0]


def test_whatever_else_listens_there_is_a_miss(connect):
    async def run():
        async def http(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(http, "127.0.0.1", 0) as server:
            cache = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            return cache, await cache.get(KEY)

    cache, hit = asyncio.run(run())
    assert hit is None
    assert "not a Redis reply" in cache.said[0]


PUSHED = b">3\r\n+message\r\n+a\r\n+b\r\n" * 2000


@pytest.fixture
def saying():
    """The address of something that says the same whatever it is asked; `replies` holds what.

    More of them are for who asks for INFO, and for SCAN.
    """
    replies = [b""]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                while asked := self.request.recv(65536):
                    which = 1 + (b"SCAN" in asked) if b"INFO" in asked or b"SCAN" in asked else 0
                    self.request.sendall(replies[which if which < len(replies) else 0])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}", replies
        server.shutdown()


@pytest.mark.parametrize("reply", [b"_\r\n", b",nan\r\n", b":1\r\n", PUSHED, b"*1\r\n*1\r\n:1\r\n" * 9])
def test_replies_of_the_wrong_kind_are_an_error_in_words_and_never_an_answer(connect, saying, monkeypatch, reply):
    monkeypatch.setattr(redis_admin, "PATIENCE", 5.0)
    url, replies = saying
    replies[0] = reply

    cache = connect(url)
    assert asyncio.run(cache.get(KEY)) is None

    for ask in (redis_admin.stats, redis_admin.clear, lambda address: redis_admin.keys(address, "x")):
        with pytest.raises(SamplemindError, match="cannot query Redis"):
            ask(Address.read(url))


@pytest.mark.parametrize("number", [b"9" * 5000, b"abc", b"-1", b"\xff", b"a=1,b=2", b"1.5"])
def test_figures_that_are_none_are_left_out(saying, monkeypatch, number):
    monkeypatch.setattr(redis_admin, "PATIENCE", 5.0)
    url, replies = saying
    told = b"\r\n".join(name + b":" + number for name in (b"keyspace_hits", b"keyspace_misses", b"used_memory"))
    replies[:] = [b"+OK\r\n", b"$%d\r\n%s\r\n" % (len(told), told), b"*2\r\n$1\r\n0\r\n*0\r\n"]

    assert redis_admin.stats(Address.read(url)) == {"entries": 0, "memory": None, "hit_rate": None}


@pytest.mark.parametrize(
    ("who", "works"), [(":s3cret@", True), ("default:s3cret@", True), (":wr0ng@", False), ("", False)]
)
def test_a_password_is_needed_and_never_told(start_redis, connect, who, works):
    redis = start_redis("--requirepass", "s3cret")

    async def run():
        cache = connect(redis.url.replace("//", f"//{who}"))
        await cache.put(KEY, "hi")
        return cache, await cache.get(KEY)

    cache, hit = asyncio.run(run())
    assert bool(hit) == works
    assert len(cache.said) == (not works)
    assert not any("s3cret" in said or "wr0ng" in said for said in cache.said)


@pytest.mark.parametrize("command", [("CONFIG", "SET", "maxmemory", "1"), ("REPLICAOF", "127.0.0.1", "1")])
def test_a_redis_that_takes_nothing_more_still_gives(redis, connect, command):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        redis.client.execute_command(*command)
        return cache, await cache.put(OTHER, "no"), await cache.get(KEY)

    cache, refused, hit = asyncio.run(run())
    assert (refused, hit.value) == (None, "hi")
    assert len(cache.said) == 1


def test_a_wrong_type_there_is_a_miss(redis, connect):
    redis.client.lpush(KEY, "x")

    assert asyncio.run(connect(redis.url).get(KEY)) is None


def test_many_callers_share_one_connection_and_none_gets_anothers_answer(redis, connect):
    keys = [cache_key("ollama", {"n": n}) for n in range(300)]

    async def run():
        cache = connect(redis.url)
        await asyncio.gather(*(cache.put(key, key) for key in keys))
        tasks = [asyncio.create_task(cache.get(key)) for key in keys]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        return cache, await asyncio.gather(*tasks, return_exceptions=True)

    cache, results = asyncio.run(run())
    assert [r.value for n, r in enumerate(results) if n % 3] == [k for n, k in enumerate(keys) if n % 3]
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::3])
    assert len(cache.opened) == 1


def test_callers_cancelled_while_connecting_spoil_nothing(redis, connect):
    async def run():
        cache = connect(redis.url)
        tasks = [asyncio.create_task(cache.get(KEY)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await cache.put(KEY, "hi")
        return cache, await cache.get(KEY)

    cache, hit = asyncio.run(run())
    assert (hit.value, len(cache.opened)) == ("hi", 1)


def test_one_cache_serves_several_event_loops(redis, connect):
    cache = connect(redis.url)

    asyncio.run(cache.put(KEY, "hi"))

    assert [asyncio.run(cache.get(KEY)).value for _ in range(3)] == ["hi"] * 3
    assert cache.said == []
    assert len(redis.client.client_list(_type="normal")) == 1  # the test's own


def test_a_closed_cache_can_be_used_again(redis, connect):
    async def run():
        cache = connect(redis.url)
        await cache.put(KEY, "hi")
        await cache.close()
        await cache.close()
        return await cache.get(KEY)

    assert asyncio.run(run()).value == "hi"


def test_a_unix_socket_and_a_database_are_as_good(redis, connect):
    asyncio.run(connect(f"unix://{redis.socket}?db=2").put(KEY, "hi"))

    assert asyncio.run(connect(redis.url.replace("/0", "/2")).get(KEY)).value == "hi"
    assert redis.client.dbsize() == 0


def test_a_database_that_is_not_there_is_told_and_nothing_is_written_elsewhere(redis, connect):
    cache = connect(redis.url.replace("/0", "/99"))

    assert asyncio.run(cache.put(KEY, "hi")) is None
    assert "out of range" in cache.said[0]
    assert redis.client.dbsize() == 0


def test_tls_is_spoken_and_the_certificate_checked(start_redis, connect, tmp_path, monkeypatch):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 "
    command += f"-addext subjectAltName=IP:127.0.0.1 -keyout {tmp_path}/key -out {tmp_path}/cert"
    subprocess.run(command.split(), check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_redis(
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", f"{tmp_path}/cert", "--tls-key-file", f"{tmp_path}/key"),
    )
    unknown = connect(f"rediss://127.0.0.1:{port}")
    assert asyncio.run(unknown.put(KEY, "hi")) is None
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/cert")
    known = connect(f"rediss://127.0.0.1:{port}")

    assert asyncio.run(known.put(KEY, "hi")) is not None
    assert "certificate" in unknown.said[0].lower()
    assert known.said == []


def test_a_clear_takes_what_is_chosen_by_model_age_and_key_alone(redis, connect):
    async def run(cache):
        for n in range(6):
            await cache.put(cache_key("ollama", {"n": n}), {"model": "tiny" if n < 4 else "large"})

    cache = connect(redis.url)
    asyncio.run(run(cache))
    some = frozenset(cache_key("ollama", {"n": n}) for n in (0, 5, 9))

    assert cache.clear(Removal(model="ollama/large", before=time.time() - 60))["redis"] == 0
    assert cache.clear(Removal(model="large", keys=some))["redis"] == 1
    assert cache.clear(Removal(keys=some))["redis"] == 1
    assert cache.clear(Removal("openai", model="tiny"))["redis"] == 0
    assert cache.clear(Removal(tier="local"))["redis"] is None
    assert cache.clear(Removal(model="ollama/tiny", before=time.time() + 60)) == {"entries": 0, "bytes": 0, "redis": 3}
    assert len(redis.client.keys()) == 1


def test_a_clear_takes_our_entries_and_nothing_else(redis, connect):
    async def run(cache):
        for n in range(1500):
            await cache.put(cache_key("ollama", {"n": n}), n)
        await cache.put(cache_key("openai", {}), 0)

    cache = connect(redis.url)
    asyncio.run(run(cache))
    redis.client.set("somebody:else", "1")

    assert cache.clear(Removal("openai"))["redis"] == 1
    assert cache.clear(Removal("ol*"))["redis"] == 0
    assert cache.clear()["redis"] == 1500
    assert redis.client.keys() == [b"somebody:else"]


def test_stats_and_show_ask_redis_too(redis, connect):
    cache = connect(redis.url)
    asyncio.run(cache.put(KEY, {"text": "hi"}))

    stats, shown = cache.stats()["redis"], cache.show(KEY.rpartition(":")[2][:8])

    assert (stats["url"], stats["reachable"], stats["entries"]) == (redis.url, True, 1)
    assert stats["memory"] > 0
    assert (shown["key"], shown["tier"], shown["value"]) == (KEY, "redis", {"text": "hi"})


def test_a_dead_redis_is_told_by_stats_and_fails_a_clear(redis, connect):
    cache = connect(redis.url.replace("//", "//:s3cret@"))
    redis.kill()

    stats = cache.stats()["redis"]
    with pytest.raises(SamplemindError) as caught:
        cache.clear()

    assert (stats["url"], stats["reachable"]) == (redis.url, False)
    assert caught.value.message.startswith("0 answers were removed here, but cannot query Redis at ")
    assert "s3cret" not in stats["reason"] + caught.value.message
