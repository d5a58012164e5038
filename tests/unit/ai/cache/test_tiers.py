"""Both tiers as one, and the functions over them."""

import asyncio
import logging
import time
from pathlib import Path

import pytest

from samplemind_cli.ai import cache as public
from samplemind_cli.ai.cache import Cache, cache_key, tiers
from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.entry import LONGEST, Entry, encode
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

KEY = cache_key("ollama", {"prompt": "hello"})


class Shared:
    """A Redis of two fields: what it answers, and what it was given."""

    def __init__(self, found=None):
        self.found = found
        self.given = []
        self.asked = 0
        self.address = Address()

    async def get(self, _key):
        self.asked += 1
        return self.found

    async def put(self, *what):
        self.given.append(what)
        return True


@pytest.fixture
def made(tmp_path):
    """Make a cache with these settings; `said` holds its warnings."""

    def make(shared=None, **settings):
        said = []
        cache = Cache(Settings(cache_dir=str(tmp_path), **settings), said.append)
        cache._redis = shared
        cache.said = said
        return cache

    return make


def envelope(*, stored=0.0, life=60.0, key=KEY, value="shared"):
    now = time.time() + stored
    return encode(Entry(key, now, now + life, value))


def test_a_put_says_where_the_answer_is_and_until_when(made):
    cache = made()

    kept = asyncio.run(cache.put(KEY, {"text": "hi"}, 60))
    hit = asyncio.run(cache.get(KEY))

    assert hit == kept
    assert (hit.value, hit.tier) == ({"text": "hi"}, "local")
    assert hit.expires == pytest.approx(time.time() + 60, abs=5)
    assert Path(hit.path).is_file()


def test_the_ttl_is_the_settings_unless_it_is_said(made):
    cache = made(cache_ttl=10.0)

    assert asyncio.run(cache.put(KEY, 1)).expires == pytest.approx(time.time() + 10, abs=5)
    assert asyncio.run(cache.put(KEY, 1, 1e30)).expires == pytest.approx(time.time() + LONGEST, abs=5)


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_of_nothing_stores_nothing(made, ttl):
    shared = Shared()

    assert asyncio.run(made(shared).put(KEY, 1, ttl)) is None
    assert shared.given == []


def test_off_is_off(made):
    asyncio.run(made().put(KEY, 1))
    cache = made(cache="off")

    assert asyncio.run(cache.get(KEY)) is None
    assert asyncio.run(cache.put(KEY, 2)) is None


def test_local_never_makes_a_redis(tmp_path):
    cache = Cache(Settings(cache_dir=str(tmp_path), cache="local", redis_url="redis://h"), print)

    assert cache._redis is None
    assert cache.shared_at == ""


def test_settings_without_folders_keep_nothing_and_touch_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "answers" / "mine.json"
    mine.parent.mkdir()
    mine.write_text("{}")
    cache = Cache(Settings(), print)

    assert asyncio.run(cache.put(KEY, 1)) is None
    assert (cache.stats()["local"]["entries"], cache.clear()["entries"]) == (0, 0)
    assert list(tmp_path.rglob("*.json")) == [mine]


def test_an_expired_answer_is_a_miss(made, monkeypatch):
    cache = made()
    asyncio.run(cache.put(KEY, 1, 60))
    now = time.time()

    monkeypatch.setattr(time, "time", lambda: now + 61)

    assert asyncio.run(cache.get(KEY)) is None


def test_an_answer_older_than_asked_for_is_looked_for_in_redis(made):
    cache = made(Shared((envelope(value="newer"), 30.0)))
    cache._kept.put(Entry(KEY, time.time() - 100, time.time() + 100, "older"))

    assert asyncio.run(cache.get(KEY)).value == "older"
    assert asyncio.run(cache.get(KEY, max_age=50)).value == "newer"


def test_a_hit_in_redis_is_kept_locally_no_longer_than_there(made):
    shared = Shared((envelope(life=1000), 30.0))
    cache = made(shared)

    first, second = asyncio.run(cache.get(KEY)), asyncio.run(cache.get(KEY))

    assert (first.tier, second.tier, shared.asked) == ("redis", "local", 1)
    assert first.expires == second.expires == pytest.approx(time.time() + 30, abs=5)


@pytest.mark.parametrize(
    "raw",
    [b"", b"noise", envelope(key="another"), envelope(stored=-100, life=60), envelope(stored=9999)],
    ids=["empty", "noise", "another key", "dead", "of the future"],  # pytest's own would tell the time, each process's
)
def test_a_foreign_or_dead_envelope_in_redis_is_a_miss(made, raw):
    assert asyncio.run(made(Shared((raw, float("inf")))).get(KEY)) is None


def test_redis_is_given_the_same_envelope(made):
    shared = Shared()
    cache = made(shared)

    kept = asyncio.run(cache.put(KEY, "v", 60))

    assert shared.given == [(KEY, Path(kept.path).read_bytes(), 60)]


def test_an_answer_that_only_redis_could_keep_says_so(made):
    kept = asyncio.run(made(Shared(), cache_size=0).put(KEY, "v"))

    assert (kept.tier, kept.path) == ("redis", None)


def test_a_broken_url_is_told_without_its_password(tmp_path):
    said = []

    cache = Cache(Settings(cache_dir=str(tmp_path), redis_url="redis//:secret@h"), said.append)

    assert asyncio.run(cache.get(KEY)) is None
    assert len(said) == 1
    assert "secret" not in said[0]


def test_a_warning_is_said_once():
    said = []
    warn = tiers._once(said.append)

    warn("first")
    warn("second")

    assert said == ["first"]


def test_one_entry_is_shown_by_any_clear_beginning(made):
    cache = made()
    asyncio.run(cache.put(KEY, {"text": "hi"}))
    fingerprint = KEY.rpartition(":")[2]

    for beginning in (KEY, KEY[:-5], fingerprint, fingerprint[:4]):
        assert cache.show(beginning)["value"] == {"text": "hi"}


def test_no_entry_and_several_are_usage_errors(made):
    cache = made()
    asyncio.run(cache.put(KEY, 1))
    asyncio.run(cache.put(KEY.replace("ollama", "openai"), 2))

    with pytest.raises(UsageError, match="no answer is stored"):
        cache.show("zz")
    with pytest.raises(UsageError, match="2 answers"):
        cache.show("ai:v3:o")
    assert cache.show(KEY)["value"] == 1


def test_a_due_sweep_runs_beside_the_loop(made, monkeypatch):
    cache = made()
    swept = []
    monkeypatch.setattr(cache._local, "sweep", lambda: swept.append(1))

    asyncio.run(cache.put(KEY, 1))  # the first put of a folder that was never swept

    assert swept == [1]


def test_the_public_functions_use_one_cache_from_the_settings(caplog):
    async def run():
        await public.cache_response("ollama", {"a": 1}, {"text": "hi"})
        await public.cache_response("ollama", {"a": 2}, {"text": "no"}, ttl=0)
        return [await public.get_cached_response("ollama", {"a": n}) for n in (1, 2, 3)]

    public.default_cache.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert asyncio.run(run()) == [{"text": "hi"}, None, None]
    finally:
        public.default_cache.cache_clear()
    assert caplog.records == []


def test_an_answer_that_is_no_json_is_a_type_error(made):
    with pytest.raises(TypeError):
        asyncio.run(made().put(KEY, object()))
