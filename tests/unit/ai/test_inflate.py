import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.inflate import PIECE, EncodingError, Inflater


def raw(data):
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


COMPRESSED = {"gzip": gzip.compress, "deflate": zlib.compress, "Deflate": raw, "br": brotli.compress, "": bytes}
NAMES = st.sampled_from(sorted(COMPRESSED))


def inflated(name, *chunks):
    inflater = Inflater(name)
    return b"".join(piece for chunk in chunks for piece in inflater.feed(chunk))


@given(NAMES, st.binary(), st.integers(min_value=1, max_value=9))
def test_what_was_compressed_is_inflated_wherever_the_network_cuts_it(name, data, step):
    body = COMPRESSED[name](data)

    assert inflated(name, *(body[i : i + step] for i in range(0, len(body), step))) == data


@pytest.mark.parametrize("name", ["gzip", "deflate", "Deflate", "br"])
def test_much_out_of_little_comes_in_small_pieces(name):
    body = COMPRESSED[name](b"x" * (9 * PIECE + 1))
    sizes = [len(piece) for piece in Inflater(name).feed(body)]

    assert sum(sizes) == 9 * PIECE + 1
    assert max(sizes) <= 4 * PIECE  # brotli goes on to the end of its buffer


def test_several_members_of_gzip_are_one_body_and_what_follows_them_is_none():
    body = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"

    assert inflated("X-GZip", body) == b"one two"
    assert inflated("gzip", *(body[i : i + 1] for i in range(len(body)))) == b"one two"


@pytest.mark.parametrize(
    "name", ["gzip, gzip", "gzip, br", "br,deflate", "gzip,identity,gzip", "zstd", "compress", "gzip;q=1", "x" * 1000]
)
def test_stacked_and_unknown_encodings_are_refused(name):
    with pytest.raises(EncodingError, match="was not requested") as refused:
        Inflater(name)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", ["identity", " Identity ", "identity, gzip", " GZIP", ","])
def test_names_are_read_as_http_writes_them(name):
    body = gzip.compress(b"hi") if "g" in name.lower() else b"hi"

    assert inflated(name, body) == b"hi"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_a_body_that_is_not_of_its_encoding_is_an_error(name):
    with pytest.raises(EncodingError, match="does not match its content encoding"):
        inflated(name, b'{"choices": [{"message": {"content": "hi"}}]}' * 9)


@pytest.mark.parametrize("name", ["gzip", "br"])
def test_a_body_that_breaks_off_is_inflated_as_far_as_it_came(name):
    data = b'{"n": 1}\n' * 1000
    body = COMPRESSED[name](data)

    assert data.startswith(inflated(name, body[: len(body) - 3]))
