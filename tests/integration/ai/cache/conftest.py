"""A cache over Redis alone."""

import pytest

from samplemind_cli.ai.cache import Cache
from samplemind_cli.ai.cache import redis as tier
from samplemind_cli.settings import Settings


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture(params=["redis-py", "the short reader"])
def connect(tmp_path, monkeypatch, request):
    """A cache over Redis alone, patient on a busy machine; `said` and `opened` hold its warnings and connections."""
    long_lived = request.param == "redis-py"
    monkeypatch.setattr(tier, "PATIENCE", 10.0)
    monkeypatch.setattr(tier, "TRUST", 10.0)

    def make(url, **settings):
        said, opened = [], []
        chosen = Settings(**{"cache_dir": str(tmp_path), "cache_size": 0, "redis_url": url} | settings)
        cache = Cache(chosen, said.append, long_lived=long_lived)
        cache.said, cache.opened = said, opened
        really_open = cache._redis._open

        def counted(*args):
            opened.append(args)
            return really_open(*args)

        cache._redis._open = counted
        return cache

    return make
