import asyncio
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from samplemind_cli.ai import streams

WORDS = st.lists(st.text("ab\r\u2028é").map(str.encode), min_size=1)


def lines(chunks):
    async def sent():
        for chunk in chunks:
            yield chunk

    async def heard():
        return [line async for line in streams.lines(sent())]

    return asyncio.run(heard())


@given(WORDS, st.sampled_from((b"\n", b"\r\n")), st.lists(st.integers(min_value=0, max_value=60)))
@example([b"a", b"b"], b"\r\n", [2])  # between the two
def test_lines_are_the_same_wherever_the_network_cuts_them(words, end, cuts):
    stream = end.join(words)
    places = [0, *sorted(cuts), len(stream)]
    chunks = [stream[begin:finish] for begin, finish in pairwise(places)]

    *told, last = lines(chunks)

    assert told == [word.rstrip(b"\r") for word in words[:-1]]
    assert last == words[-1]
