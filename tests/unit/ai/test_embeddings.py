"""Create embeddings before a caller that counts: which model, how many calls, and what is kept."""

import asyncio

import pytest

from samplemind_cli.ai.cache.entry import Entry, Hit, cache_key
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.ai.embeddings import AT_ONCE, AT_ONCE_HERE, Vectors, named
from samplemind_cli.ai.http_client import Patience
from samplemind_cli.ai.types import Endpoint, Options, Provider, Route
from samplemind_cli.errors import NoProviderError, UnsupportedError, UsageError
from samplemind_cli.settings import Settings

HERE = Route(Provider.EMBEDDED, Endpoint("embedded:", "small"))
OPENAI = Route(Provider.OPENAI, Endpoint("http://x/v1", "text-embedding-3-small"))


class Caller:
    """Gives each text the vector of its length, and counts a token for each."""

    def __init__(self, counted=True):
        self.calls = []
        self._counted = counted

    def patience(self, _route, deadline, _options, *, last):  # noqa: ARG002 - as the real one
        return Patience(deadline=deadline)

    async def vectors(self, _route, texts, _dimensions, _patience, _options):
        self.calls.append(len(texts))
        return [[float(len(text))] for text in texts], len(texts) if self._counted else None


class Cache:
    """Nothing is there."""

    async def get(self, _key, _age):
        return None

    async def put(self, _key, value, _ttl):
        self.kept = value


def embed(route, texts, caller, **options):
    vectors = Vectors(Settings(), Cache(), caller)
    return asyncio.run(vectors.embed(route, texts, None, Options(**options)))


@pytest.mark.parametrize(("route", "size"), [(HERE, AT_ONCE_HERE), (OPENAI, AT_ONCE)])
def test_many_texts_are_several_calls_and_one_answer_in_their_order(route, size):
    texts, caller = ["x" * (n % 7 + 1) for n in range(2 * size + 1)], Caller()
    found = embed(route, texts, caller)
    assert caller.calls == [size, size, 1]
    assert [vector[0] for vector in found.vectors] == [len(text) for text in texts]
    assert found.tokens == len(texts)


def test_where_nobody_counts_there_is_no_count():
    assert embed(HERE, ["a"], Caller(counted=False)).tokens is None


def test_a_provider_without_embeddings_and_a_route_that_must_be_skipped_are_errors():
    with pytest.raises(UsageError, match="anthropic has no embeddings"):
        embed(Route(Provider.CLAUDE, Endpoint("http://x", "m")), ["a"], Caller())
    with pytest.raises(NoProviderError, match="not installed"):
        embed(Route(HERE.provider, HERE.endpoint, "not installed", "pip install"), ["a"], Caller())


@pytest.mark.parametrize("options", [{"model": "embedded/small"}, {"provider": "embedded"}])
def test_the_embedded_model_is_named_by_its_own_name_or_its_provider(options):
    assert named([HERE], Options(**options)) is HERE


def test_no_name_and_the_name_of_another_embedded_model_are_refused():
    with pytest.raises(UsageError, match="cannot be compared"):
        named([HERE, OPENAI], Options())
    with pytest.raises(UsageError, match="no embedded model big; known: embedded/small"):
        named([HERE], Options(model="embedded/big"))


def test_tokens_go_to_who_takes_them_and_are_refused_elsewhere_by_the_fields_name():
    caller = Caller()
    assert len(embed(OPENAI, [[1, 2], [3]], caller).vectors) == 2
    with pytest.raises(UnsupportedError, match="takes texts") as refused:
        embed(HERE, [[1, 2]], caller)
    assert refused.value.lacks == {"input"}
    assert caller.calls == [2]


def test_vectors_are_cleared_from_the_cache_by_their_models_name():
    cache = Cache()
    asyncio.run(Vectors(Settings(), cache, Caller()).embed(OPENAI, ["a"], None, Options()))
    stored = Entry(cache_key("openai", {}), 0.0, 1.0, cache.kept)

    assert Removal(model="openai/text-embedding-3-small").takes(stored)
    assert not Removal(model="text-embedding-3-large").takes(stored)


@pytest.mark.parametrize(
    "value",
    [
        {"vectors": [1], "tokens": 1},
        {"vectors": "a", "tokens": 1},
        {"vectors": [["a"]], "tokens": 1},
        {"vectors": [[True]], "tokens": 1},
        {"vectors": [[1.0], [2.0]], "tokens": 1},
        {"vectors": [[1.0]], "tokens": "many"},
        [],
        None,
    ],
)
def test_what_others_have_written_into_a_shared_cache_is_vectors_or_a_miss(value):
    class Planted(Cache):
        async def get(self, _key, _age):
            return Hit(value, "redis", 1e12, None)

    caller = Caller()
    found = asyncio.run(Vectors(Settings(), Planted(), caller).embed(OPENAI, ["abc"], None, Options()))

    assert (found.vectors, caller.calls) == (((3.0,),), [1])
