import asyncio
import gzip
import json

import brotli
import httpx
import pytest

from samplemind_cli.ai.httpx_client import bounded

LIMIT = 1_000_000


def read(body, encoding="", path="/api/tags", step=1000):
    """What a client with the hook reads of a body."""

    async def stream():
        for begin in range(0, len(body), step):
            yield body[begin : begin + step]

    def answer(_request):
        return httpx.Response(200, headers={"content-encoding": encoding} if encoding else {}, content=stream())

    async def asked():
        hooks = {"response": [bounded(LIMIT, "/api/pull")]}
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answer), event_hooks=hooks) as client,
            client.stream("GET", f"http://daemon.example{path}") as response,
        ):
            return b"".join([data async for data in response.aiter_bytes()])

    return asyncio.run(asked())


@pytest.mark.parametrize(("encoding", "compress"), [("", bytes), ("gzip", gzip.compress), ("BR", brotli.compress)])
def test_what_is_within_the_limit_is_read_whole(encoding, compress):
    body = json.dumps({"models": ["m"] * 1000}).encode()

    assert read(compress(body), encoding) == body


@pytest.mark.parametrize(("encoding", "compress"), [("", bytes), ("gzip", gzip.compress), ("br", brotli.compress)])
@pytest.mark.parametrize("path", ["/api/tags", "/api/pull"])
def test_what_is_beyond_the_limit_is_an_error(encoding, compress, path):
    with pytest.raises(httpx.DecodingError, match="larger than 1 MB"):
        read(compress(b" " * 20 * LIMIT), encoding, path)


def test_the_lines_of_a_pull_may_be_without_end_but_not_one_of_them():
    assert len(read(b'{"status": "pulling"}\n' * 100_000, path="/api/pull")) == 2_200_000
    with pytest.raises(httpx.DecodingError):
        read(b'{"status": "pulling"}\n' * 100_000)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip, br", "zstd"])
def test_stacked_and_unknown_encodings_are_refused(encoding):
    with pytest.raises(httpx.DecodingError, match="was not requested"):
        read(gzip.compress(gzip.compress(b"{}")), encoding)
