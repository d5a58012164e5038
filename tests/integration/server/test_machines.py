"""Several servers with one Redis, as replicas have it: each has a home and a cache folder of its own."""

import json
import signal
import socket
import threading

import pytest
from parts.raw_http import post
from parts.waiting import until

pytestmark = pytest.mark.integration
HI = {"model": "ollama/any", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def replicas(serve, redis, tmp_path, mock_server):
    both = [
        serve(SAMPLEMIND_REDIS_URL=redis.url, HOME=str(tmp_path / f"home{n}"), SAMPLEMIND_OPENAI_RPM="3") for n in "12"
    ]
    for one in both:  # on a busy machine the first connection may take more than a request waits for it
        until(lambda one=one: one.http.get("/readyz").json()["checks"]["redis"] == "ok")
    mock_server.reset()  # to be ready is to look at Ollama as well
    return both


def at_once(*calls):
    results = [None] * len(calls)

    def note(n, call):
        results[n] = call()

    threads = [threading.Thread(target=note, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_identical_prompts_at_different_replicas_make_one_upstream_call(replicas, mock_server):
    mock_server.behave(latency_ms=500)

    said = at_once(*(replica.ask for replica in replicas * 3))

    assert {answer.json()["choices"][0]["message"]["content"] for answer in said} == {"You said: hi"}
    assert len(mock_server.requests) == 1


def test_a_replica_that_dies_while_it_asks_is_replaced_after_its_lease(replicas, mock_server, redis):
    mock_server.behave(faults=["stall:1"])
    body = json.dumps({"model": "auto", "messages": HI["messages"]}).encode()
    with socket.create_connection(("127.0.0.1", replicas[0].port)) as connection:
        connection.sendall(post(body))
        assert mock_server.wait_until(lambda: len(mock_server.requests) == 1)
        replicas[0].process.send_signal(signal.SIGKILL)
        (lease,) = redis.client.keys("ai:lease:*")
        assert 0 < redis.client.pttl(lease) <= 15_000
        redis.client.pexpire(lease, 300)  # most of that time has passed

        assert replicas[1].ask({"x-samplemind-timeout": "9"}).status_code == 200
    assert len(mock_server.requests) == 2


def test_the_requests_per_minute_are_counted_over_all_replicas(replicas, mock_server):
    asked = [
        replicas[n % 2].ask(
            {"x-samplemind-timeout": "2"}, model="openai/any", messages=[{"role": "user", "content": str(n)}]
        )
        for n in range(4)
    ]

    assert [answer.status_code for answer in asked] == [200, 200, 200, 429]
    assert 1 <= int(asked[-1].headers["retry-after"]) <= 20
    assert len(mock_server.requests) == 3


def test_redis_killed_and_back_makes_no_error(replicas, redis):
    first, second = replicas
    first.ask()
    assert second.ask().headers["x-samplemind-cache"] == "redis"
    redis.kill()
    gone = [first.ask(messages=[{"role": "user", "content": str(n)}]).status_code for n in range(3)]
    assert gone == [200] * 3
    until(lambda: first.http.get("/readyz").json()["checks"]["redis"] == "does not answer")

    redis.start()

    until(lambda: first.http.get("/readyz").json()["checks"]["redis"] == "ok")
    assert first.metric("samplemind_connections") >= 1
