import os
import time

import orjson
import pytest

from samplemind_cli.ai.types import Answer, Endpoint, Kept, Provider, Route, Text
from samplemind_cli.server.memory import OVERHEAD, Memory
from samplemind_cli.server.message import Incoming, Outcome, Reply

FAR = 4e9


def request(body=b"hi", **headers):
    return Incoming("POST", "/v1/chat/completions", {"content-type": "application/json", **headers}, body, "1")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "entry.json"
    path.write_text("{}")
    return path


def answer(file, *, expires=FAR, passed=()):
    return Answer(
        parts=(Text("x"),),
        provider="ollama",
        model="m",
        key="k",
        finish_reason="stop",
        kept=file and Kept(str(file), expires),
        passed=passed,
    )


def kept(answer, body=b"answer", incoming=None, bound=10_000):
    memory = Memory(bound)
    memory.keep(incoming or request(), answer, Reply(body))
    return memory


def test_the_same_bytes_get_the_same_bytes(file):
    found = kept(answer(file)).find(request())

    assert (found.body, found.headers["x-samplemind-cache"]) == (b"answer", "memory")


@pytest.mark.parametrize(
    "other", [request(b"ho"), request(**{"cache-control": "no-cache"}), request(**{"content-type": ""})]
)
def test_another_request_is_not_answered(file, other):
    assert kept(answer(file)).find(other) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.unlink(),
        lambda file: file.write_text('{"longer": 1}'),
        lambda file: os.utime(file, (1, 1)),
    ],
)
def test_an_entry_that_was_cleared_or_refreshed_is_gone_here_too(file, change):
    memory = kept(answer(file))
    change(file)

    assert memory.find(request()) is None


def test_an_answer_that_may_change_is_not_kept(file):
    tried = Route(Provider.OLLAMA, Endpoint("", ""), skipped="down", outcome="refused")
    unset = Route(Provider.OLLAMA, Endpoint("", ""), skipped="no key")

    assert kept(answer(file, passed=(tried,))).find(request()) is None
    assert kept(answer(None)).find(request()) is None
    assert kept(answer(file, expires=1)).find(request()) is None
    assert kept(answer(file, passed=(unset,))).find(request())


def test_the_least_recently_used_goes_first(file):
    memory = Memory(3 * (OVERHEAD + 10))
    for body in (b"1", b"2", b"3"):
        memory.keep(request(body), answer(file), Reply(b"123456789"))
    memory.find(request(b"1"))
    memory.keep(request(b"4"), answer(file), Reply(b"123456789"))

    assert [bool(memory.find(request(body))) for body in (b"1", b"2", b"3", b"4")] == [True, False, True, True]


def test_a_kept_answer_has_the_asking_requests_id_and_time(file):
    incoming, other = request(), request()
    incoming.id, other.id = "first", "second"
    body = b'{"id":"chatcmpl-first","created":1,"text":"\\"id\\":\\"chatcmpl-first\\" \\"created\\":1"}'
    before = int(time.time())

    found = kept(answer(file), body, incoming).find(other).body

    again = orjson.loads(found)
    assert again["id"] == "chatcmpl-second"
    assert before <= again["created"] <= time.time()
    assert again["text"] == '"id":"chatcmpl-first" "created":1'


def test_a_kept_answer_says_nothing_of_how_long_its_first_word_took(file):
    memory = Memory(10_000)
    reply = Reply(b"x", outcome=Outcome("openai", "m", "miss", first_token_ms=9.0))
    memory.keep(request(), answer(file), reply)

    assert memory.find(request()).outcome.first_token_ms == 0


@pytest.mark.parametrize("name", ["x-samplemind-held", "x-samplemind-why"])
def test_a_kept_answer_says_nothing_of_what_held_the_first_one_up_or_was_new_in_it(file, name):
    memory = Memory(10_000)
    memory.keep(request(), answer(file), Reply(b"answer", headers={name: "x", "x-samplemind-route": "ollama/m"}))

    assert set(memory.find(request()).headers) == {"x-samplemind-route", "x-samplemind-cache"}
