import asyncio
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from samplemind_cli.ai import streams

WORDS = st.lists(st.text("ab\r\u2028é").map(str.encode), min_size=1)


def heard(read, chunks):
    async def sent():
        for chunk in chunks:
            yield chunk

    async def all_of_it():
        return [line async for line in read(sent())]

    return asyncio.run(all_of_it())


@given(WORDS, st.sampled_from((b"\n", b"\r\n")), st.lists(st.integers(min_value=0, max_value=60)))
@example([b"a", b"b"], b"\r\n", [2])  # between the two
def test_lines_are_the_same_wherever_the_network_cuts_them(words, end, cuts):
    stream = end.join(words)
    places = [0, *sorted(cuts), len(stream)]
    chunks = [stream[begin:finish] for begin, finish in pairwise(places)]

    *told, last = heard(streams.lines, chunks)

    assert told == [word.rstrip(b"\r") for word in words[:-1]]
    assert last == words[-1]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_server_sent_events_may_begin_with_a_byte_order_mark_and_end_their_lines_in_three_ways(end):
    stream = b"\xef\xbb\xbf" + end.join([b"data: 1", b"", b": a comment", b"data:2", b"", b"data: [DONE]", b""])
    pieces = [stream[i : i + 1] for i in range(len(stream))]

    for chunks in ([stream], pieces):
        assert heard(partial(streams.messages, "text/event-stream"), chunks) == [b"1", b"2"]
