from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.nearest import Nearest, StoredQuestion

PARTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"), max_size=6)


@given(st.lists(PARTS, max_size=30), PARTS, st.integers(1, 10), st.integers(0, 40))
def test_the_nearest_is_the_one_that_a_look_at_each_of_the_last_would_find(stored, mine, most, before):
    nearest = Nearest(most)
    for at, parts in enumerate(stored):
        nearest.add(StoredQuestion(at, str(at), parts))
    kept = [(at, parts) for at, parts in list(enumerate(stored))[-most:] if at < before]

    best = max(((len(mine.items() & parts.items()), at) for at, parts in kept), default=None)

    found = nearest.to(mine, before)
    assert (found.at if found else None) == (best[1] if best else None)
    assert len(nearest.all()) == min(most, len(stored))


def test_what_is_forgotten_leaves_nothing_behind():
    nearest = Nearest(5)
    for number in range(100):
        nearest.add(StoredQuestion(number, "", {"message 1": str(number), "model": "m"}))

    assert len(nearest._having) == 6
    nearest.clear()
    assert nearest.to({"model": "m"}) is None
