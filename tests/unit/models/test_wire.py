"""The small requests beside the `ollama` package, before daemons and registries that answer as they like."""

import asyncio
import gzip
import json
import tracemalloc
from contextlib import asynccontextmanager, suppress

import pytest

from samplemind_cli.ai.http_client import close_http_client
from samplemind_cli.models import wire
from samplemind_cli.models.daemon import Daemon, PullEvent
from samplemind_cli.models.daemon_errors import OllamaError
from samplemind_cli.models.wire import Layer, Manifest
from samplemind_cli.settings import Settings

MANIFEST = {"layers": [{"digest": "sha256:a", "size": 5}], "config": {"digest": "sha256:b", "size": 1}}


DIGESTS = ("", "sha256:", "sha256:*", "/dev/zero", "sha256:/dev/zero", "sha256:../x", "md5:a", None, "sha256:a\n")
SIZES = (-1, 2**63, 10**400, "1" + "0" * 5000)
NO_LAYERS = (
    *({"digest": digest, "size": 1} for digest in DIGESTS),
    *({"digest": "sha256:a", "size": size} for size in SIZES),
)
MANY = [{"digest": f"sha256:{number:x}", "size": 1} for number in range(wire.MOST + 1)]


def said(status, body=b"", *headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def answering(*answers):
    """A server that gives each request the next answer (None: silence), its port, and what it was asked."""
    waiting, heads, tasks = list(answers), [], []

    async def answer(reader, writer):
        tasks.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if answer := waiting.pop(0):
                writer.write(answer)
                if b"content-length" not in answer:
                    writer.close()
            await reader.read()  # until the client has hung up
        writer.transport.abort()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1], heads
        finally:
            await close_http_client()
            await asyncio.gather(*tasks)
            await asyncio.sleep(0)


def manifest_of(*answers):
    async def asked():
        async with answering(*answers) as (port, heads):
            return await wire.manifest(f"localhost:{port}/library/m", insecure=True), heads

    return asyncio.run(asked())


def version_of(*answers):
    async def asked():
        async with answering(*answers) as (port, _):
            return await wire.version(f"http://127.0.0.1:{port}")

    return asyncio.run(asked())


def test_a_manifest_tells_its_layers():
    manifest, (head,) = manifest_of(said("200 OK", MANIFEST))

    assert manifest == Manifest((Layer("sha256:a", 5), Layer("sha256:b", 1)))
    assert head.startswith("GET /v2/library/m/manifests/latest ")
    assert "accept: application/vnd.docker.distribution.manifest.v2+json\r\n" in head.lower()


@pytest.mark.parametrize(
    ("answer", "trouble", "unknown"),
    [
        (said("404 No"), "has no such model", True),
        (said("500 No"), "answers 500", False),
        (said("200 OK", b"<html>"), "sent something that is not a manifest", False),
        (said("200 OK", []), "sent something that is not a manifest", False),
        (said("200 OK", {"layers": [{"digest": "a", "size": None}]}), "sent something that is not a manifest", False),
        *((said("200 OK", {"layers": [layer]}), "is not a manifest", False) for layer in NO_LAYERS),
        (said("200 OK", {"layers": MANY}), "is not a manifest", False),
        (b"220 mail.example ESMTP\r\n\r\n", "cannot be reached from here: ", False),
        (
            said("200 OK", gzip.compress(gzip.compress(b"{}")), "content-encoding: gzip, gzip"),
            "was not requested",
            False,
        ),
        (said("200 OK", gzip.compress(b" " * 20_000_000), "content-encoding: gzip"), "sent more than 10 MB", False),
    ],
)
def test_a_registry_that_gives_no_manifest_is_told(answer, trouble, unknown):
    manifest, _ = manifest_of(answer)

    assert trouble in manifest.trouble
    assert (manifest.layers, manifest.unknown) == ((), unknown)


def test_a_registry_that_is_silent_is_left(monkeypatch):
    monkeypatch.setattr(wire, "SECONDS", 0.1)

    assert "no answer within 0.1 s" in manifest_of(None)[0].trouble


def test_a_registry_may_redirect_but_not_for_ever():
    moved = said("307 Moved", b"", "location: /elsewhere")

    assert manifest_of(moved, said("200 OK", MANIFEST))[0].size == 6
    manifest, heads = manifest_of(*[moved] * 9)
    assert (manifest.trouble.endswith("answers 307"), len(heads)) == (True, wire.REDIRECTS)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/"])
def test_a_redirect_out_of_http_is_not_followed(target):
    manifest, heads = manifest_of(said("302 Found", b"", f"location: {target}"))

    assert (manifest.trouble.endswith("answers 302"), len(heads)) == (True, 1)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (said("200 OK", {"version": "0.17.4"}), "0.17.4"),
        (said("200 OK", b"[1]"), None),
        (said("200 OK", b"<html>"), None),
        (said("404 No", {"version": "1"}), None),
    ],
)
def test_a_version_is_what_an_ollama_says(answer, version):
    assert version_of(answer) == version


def test_where_nothing_answers_is_an_os_error():
    with pytest.raises(OSError, match="127"):
        version_of(b"\r\n")


def test_the_layers_that_are_there_are_held():
    async def asked():
        async with answering(said("200 OK"), said("404 No")) as (port, heads):
            url = f"http://127.0.0.1:{port}"
            there = [digest for digest in ("a", "b") if await wire.held(url, [digest])]
            return there, [head.partition(" HTTP")[0] for head in heads]

    assert asyncio.run(asked()) == (["a"], ["HEAD /api/blobs/a", "HEAD /api/blobs/b"])


def test_what_a_daemon_says_that_can_be_no_digest_and_no_size_counts_as_unsaid():
    step = {"status": "pulling", "digest": "/dev/zero", "total": 10**400, "completed": -1}
    listed = said("200 OK", {"models": [{"model": "m:1", "digest": "d", "size": 10**400}]})

    async def asked():
        async with (
            answering(said("200 OK", step), listed) as (port, _),
            Daemon(f"http://127.0.0.1:{port}", Settings()) as daemon,
        ):
            return [event async for event in daemon.pull("m", insecure=False)], await daemon.models()

    events, (model,) = asyncio.run(asked())
    assert events == [PullEvent("pulling")]
    assert model.size == 0


def test_a_daemon_whose_answer_inflates_without_end_costs_no_more_than_the_limit():
    bomb = said("200 OK", gzip.compress(b" " * 100_000_000), "content-encoding: gzip", "content-type: application/json")

    async def asked():
        async with answering(bomb) as (port, _), Daemon(f"http://127.0.0.1:{port}", Settings()) as daemon:
            tracemalloc.start()
            try:
                with pytest.raises(OllamaError, match="unreadable reply: an answer larger than 64 MB"):
                    await daemon.models()
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(asked()) < 160_000_000
