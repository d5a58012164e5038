"""`up` pulls an image for real, from a registry on loopback that sends slowly."""

import hashlib
import io
import json
import os
import pty
import re
import secrets
import subprocess
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.e2e
SIZE = 12_000_000
PIECE = 1 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def image():
    """The blobs of an image with one layer nobody has yet, by digest, and its manifest's digest."""
    blobs = {}

    def blob(data):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blobs[digest] = data
        return {"digest": digest, "size": len(data)}

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        entry = tarfile.TarInfo("random")
        entry.size = SIZE
        layer.addfile(entry, io.BytesIO(secrets.token_bytes(SIZE)))
    layer = blob(packed.getvalue())
    system = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/nothing"]}}
    config = blob(json.dumps({**system, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    kinds = {"config": "application/vnd.oci.image.config.v1+json", "layer": "application/vnd.oci.image.layer.v1.tar"}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": kinds["config"], **config},
        "layers": [{"mediaType": kinds["layer"], **layer}],
    }
    return blobs, blob(json.dumps(manifest).encode())["digest"]


@pytest.fixture
def registry():
    """The name of an image in a registry of its own; sending it takes about two seconds."""
    blobs, top = image()

    class Registry(BaseHTTPRequestHandler):
        protocol_version = default_request_version = "HTTP/1.1"  # the engine tries TLS first; HTTP must refuse it

        def do_GET(self):
            digest = self.path.rpartition("/")[2]
            data = b"{}" if self.path == "/v2/" else blobs[digest if digest in blobs else top]
            self.send_response(200)
            self.send_header("Content-Type", MANIFEST if "/manifests/" in self.path else "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Docker-Content-Digest", digest if digest in blobs else top)
            self.end_headers()
            for start in range(0, len(data) if self.command == "GET" else 0, PIECE):
                self.wfile.write(data[start : start + PIECE])
                time.sleep(0.2 if len(data) > PIECE else 0)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        name = f"localhost:{server.server_port}/test/slow:1"
        yield name
        server.shutdown()
    subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)


def test_a_terminal_sees_the_bytes_and_an_image_that_cannot_start_is_an_error(project, registry):
    stack = project({"web": {"image": registry}})
    ours, theirs = pty.openpty()
    with stack.start("up", stderr=theirs, env={**stack.env, "TERM": "xterm", "COLUMNS": "80"}) as up:
        os.close(theirs)
        drawn = b""
        try:
            while data := os.read(ours, 65536):
                drawn += data
        except OSError:  # the other end is closed
            pass
        assert up.wait(30) == 3
    here = [float(found) for found in re.findall(rb"pulling web: ([\d.]+) MB of 12\.0 MB", drawn)]
    assert len(set(here)) > 2
    assert here == sorted(here)
    assert b"error: " in drawn
    assert b"/nothing" in drawn


def test_a_pipe_is_told_of_the_pull_once(project, registry):
    told = project({"web": {"image": registry}}).run("up", code=3)
    assert told.err.splitlines().count("pulling web") == 1
