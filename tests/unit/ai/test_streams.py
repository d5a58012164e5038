from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from samplemind_cli.ai.streams import Decoder, Lines, NotJSONError

WORDS = st.lists(st.text("ab\u2028é").map(str.encode), min_size=1)
CUTS = st.lists(st.integers(min_value=0, max_value=80))
ENDS = (b"\n", b"\r\n", b"\r")
SSE = "text/event-stream"


def pieces(stream, cuts):
    return [stream[begin:end] for begin, end in pairwise([0, *sorted(cuts), len(stream)])]


def singly(stream):
    return [stream[i : i + 1] for i in range(len(stream))]


def decoded(kind, chunks):
    decoder, values = Decoder(kind), []
    for chunk in chunks:
        values += decoder.feed(chunk)
        if decoder.done:
            return values
    return [*values, *decoder.end()]


def read(kind, stream):
    """What a body says, which is the same at once and byte by byte."""
    values = decoded(kind, [stream])
    assert decoded(kind, singly(stream)) == values
    return values


@given(WORDS, st.sampled_from(ENDS), CUTS)
@example([b"a", b"b"], b"\r\n", [2])  # between the two
def test_lines_are_the_same_wherever_the_network_cuts_them(words, end, cuts):
    lines, told = Lines(), []
    for piece in pieces(end.join(words), cuts):
        told += lines.feed(piece)

    assert [*told, lines.end()] == words


@pytest.mark.parametrize("end", ENDS)
def test_server_sent_events_may_begin_with_a_byte_order_mark_and_end_their_lines_in_three_ways(end):
    stream = b"\xef\xbb\xbf" + end.join([b"data: 1", b"", b": a comment", b"data:2", b"", b"data: [DONE]", b"", b"no"])

    assert read(SSE, stream) == [1, 2]


@pytest.mark.parametrize("end", ENDS)
def test_the_data_of_an_event_may_come_over_several_lines(end):
    stream = end.join([b'data: {"a":', b'data:   "b",', b"id: 7", b'data: "c": [', b"data: ]}", b"", b"data: 2", b""])

    assert read(SSE, stream) == [{"a": "b", "c": []}, 2]


def test_events_that_no_blank_line_ends_are_events():
    stream = b'event: a\ndata: {"n": 1}\nevent: b\ndata: {"n": 2}\ndata: {"n": 3}\ndata: [DONE]\n'

    assert read(SSE, stream) == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    "noise",
    [
        b": OPENROUTER PROCESSING\n\n",
        b":\n",
        b"event: ping\ndata: ping\n\n",
        b"event: ping\ndata: {}\n\n",
        b"event: Keep-Alive\ndata:\n\n",
        b"id: 1\n\n",
        b"retry: 3000\n\n",
        b"data\n\n",
        b"data:\n\n",
        b"unknown: field\n\n",
        b"\n\n",
    ],
)
def test_what_only_keeps_a_connection_open_is_no_event(noise):
    assert read(SSE, noise + b"data: 1\n\n" + noise + b"data: 2\n\n" + noise) == [1, 2]


@pytest.mark.parametrize(
    ("said", "event"),
    [
        (
            b'event: error\ndata: {"code":500,"message":"slot unavailable","type":"server_error"}\n\n',
            {"error": {"code": 500, "message": "slot unavailable", "type": "server_error"}},
        ),
        (b'data: {"message":"m"}\nevent:Error\n\n', {"error": {"message": "m"}}),
        (b'event: error\ndata: {"error":{"message":"m"}}\n\n', {"error": {"message": "m"}}),
        (
            b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
            {"type": "error", "error": {"type": "overloaded_error"}},
        ),
        (b"event: error\ndata: overloaded\n\n", {"error": "overloaded"}),
        (b'event: error\ndata: "overloaded"\n\n', {"error": "overloaded"}),
        (b"event: error\n\n", {"error": "an error event without data"}),
        (b"event: error\ndata: cut off", {"error": "cut off"}),
    ],
)
def test_an_event_named_error_is_an_error_whatever_its_data_is(said, event):
    assert read(SSE, b"data: 1\n\n" + said) == [1, event]


@pytest.mark.parametrize("kind", ["", "text/plain", "Application/JSON", "application/octet-stream", "text/html"])
@pytest.mark.parametrize(
    ("said", "values"),
    [
        (b"data: 1\n\ndata: 2\n\n", [1, 2]),
        (b": hello\n\ndata: 1\n\n", [1]),
        (b"event: a\ndata: 1\n\n", [1]),
        (b"id: a\ndata: 1\n\n", [1]),
        (b"retry: 1\ndata: 1\n\n", [1]),
        (b"\xef\xbb\xbf\n \r\ndata: 1\n\n", [1]),
        (b'{"n": 1}\n{"n": 2}\n', [{"n": 1}, {"n": 2}]),
        (b'\xef\xbb\xbf{"n": 1}\r\n\r\n{"n": 2}', [{"n": 1}, {"n": 2}]),
        (b'{\n  "n": 1\n}\n', [{"n": 1}]),
        (b'[{"n": 1},\r\n{"n": 2}]', [[{"n": 1}, {"n": 2}]]),
        (b'{"n": 1}', [{"n": 1}]),
        (b"[]", [[]]),
        (b"1", [1]),
        (b"", []),
    ],
)
def test_a_body_is_known_by_its_first_bytes(kind, said, values):
    assert read(kind, said) == values


@pytest.mark.parametrize("kind", [SSE, "TEXT/Event-Stream; charset=utf-8", "application/x-ndjson", "application/jsonl"])
@pytest.mark.parametrize("said", [b'{"error": {"message": "no"}}', b' {"error": {"message": "no"}}\n'])
def test_an_error_that_is_sent_as_if_it_were_a_stream_is_read(kind, said):
    assert read(kind, said) == [{"error": {"message": "no"}}]


@pytest.mark.parametrize("kind", [SSE, "application/x-ndjson"])
def test_an_event_is_told_as_soon_as_it_is_whole(kind):
    decoder = Decoder(kind)
    first, rest = (b"data: 123456\n\n", b"data: 7") if kind == SSE else (b"123456789\n", b"7")

    assert len(list(decoder.feed(first))) == 1
    assert list(decoder.feed(rest)) == []


@pytest.mark.parametrize(
    ("kind", "said", "whole"),
    [
        (SSE, b"data: {\n\n", True),
        (SSE, b"data: 1\n\ndata: {cut", False),
        ("application/x-ndjson", b"<html>\n", True),
        ("application/x-ndjson", b"1\n{cut", False),
        ("application/json", b'{"a": \n', True),
        ("text/html", b"<p>Log in", True),
        ("", b"hi", True),
    ],
)
def test_what_is_not_json_is_an_error_that_says_whether_something_came_before_it(kind, said, whole):
    for chunks in ([said], singly(said)):
        with pytest.raises(NotJSONError) as failed:
            decoded(kind, chunks)
        assert failed.value.whole is whole


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), min_size=1), st.data())
def test_events_are_the_same_wherever_the_network_cuts_them(events, data):
    import json

    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(stream))))

    assert decoded("text/plain", pieces(stream, cuts)) == events


def test_many_lines_of_one_event_are_read_in_a_time_that_grows_with_them_alone():
    lines = b"".join(b"data: [\n" for _ in range(20_000))

    with pytest.raises(NotJSONError):
        decoded(SSE, [lines, b"\n"])


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson"])
@pytest.mark.parametrize(
    ("texts", "read"),
    [
        ((rb"a\ud83d", rb"\ude00b"), ["a", "😀b"]),
        ((rb"a\uD83D", rb"\uDE00"), ["a", "😀"]),
        ((rb"\ud83d", rb"\ude00\ud83d", rb"\ude01"), ["", "😀", "😁"]),
        ((rb"a\ud83d", rb"b"), ["a?", "b"]),
        ((rb"a\ud83d",), ["a?"]),
        ((rb"a\\ud83d", rb"\\ude00"), [r"a\ud83d", r"\ude00"]),
        ((rb"a\\\ud83d", rb"\ude00"), ["a\\", "😀"]),
        ((rb"say \"\ud83d", rb"\ude00\" now"), ['say "', '😀" now']),
    ],
)
def test_a_character_whose_halves_come_in_two_events_is_one(kind, texts, read):
    decoder, sse = Decoder(kind), kind == "text/event-stream"
    values = []
    for text in texts:
        event = b'{"text": "' + text + b'"}'
        values += decoder.feed(b"data: " + event + b"\n\n" if sse else event + b"\n")
    values += decoder.end()

    assert [value["text"] for value in values] == read


@pytest.mark.parametrize("data", [b": PROCESSING", b"ping", b"keep-alive", b"[PING]", b"", b"  "])
def test_data_that_only_keeps_a_connection_open_is_no_event(data):
    decoder = Decoder("text/event-stream")

    assert [*decoder.feed(b"data: " + data + b'\n\ndata: {"a": 1}\n\n'), *decoder.end()] == [{"a": 1}]


def test_an_event_in_an_event_is_read():
    decoder = Decoder("text/event-stream")
    values = [*decoder.feed(b'data: data: {"a": 1}\n\ndata: data: [DONE]\n\n'), *decoder.end()]

    assert (values, decoder.done) == ([{"a": 1}], True)
