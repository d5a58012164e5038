"""A model registry by script: it serves real models, slows down, cuts, stalls, fails and spoils, and counts every byte.

It answers as the daemon demands: a blob's address redirects to another host name (localhost to 127.0.0.1).
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 64 * 1024
MODEL, BALLAST = "application/vnd.ollama.image.model", "application/vnd.test.ballast"


def digest_of(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Fault:
    """What goes wrong with a blob. `times` is how often; each use takes one."""

    cut_after: int | None = None  # bytes of an answer, then the connection is closed
    stall_after: int | None = None  # bytes of an answer, then silence until `release` or the end
    status: int | None = None  # instead of an answer
    times: int = 1


@dataclass
class Registry:
    """`blobs` by digest; `sent` counts the bytes of each that went out; `ranges` are the first bytes asked for."""

    rate: float = 0  # bytes per second of each answer; 0: as fast as it goes
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, list[int]] = field(default_factory=dict)
    manifest_status: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0

    def __post_init__(self):
        self._moved = threading.Condition()
        self._open = 0
        registry = self

        class Handler(_Handler):
            pass

        Handler.registry = registry
        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def name(self, model):
        return f"localhost:{self.port}/library/{model}:latest"

    def add(self, model, *layers, config=None):
        """Publish a model of these layers, the first of them its weights; its full name.

        The daemon takes a second for each layer, however small; a model that is only pulled needs no `config`.
        """
        blobs = [self._keep(layer) for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "layers": [self._layer(BALLAST if n else MODEL, blob) for n, blob in enumerate(blobs)],
        }
        if config:
            kept = self._keep(json.dumps(config).encode())
            manifest["config"] = self._layer("application/vnd.docker.container.image.v1+json", kept)
        self.manifests[f"library/{model}/latest"] = json.dumps(manifest).encode()
        return self.name(model)

    def wait_for(self, digest, sent, timeout=30):
        """Wait until so many bytes of a blob went out."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.sent.get(digest, 0) >= sent, timeout), self.sent

    def note(self, digest, count):
        with self._moved:
            self.sent[digest] = self.sent.get(digest, 0) + count
            self._moved.notify_all()

    def busy(self, change):
        with self._moved:
            self._open += change
            self.most_at_once = max(self.most_at_once, self._open)

    def fault(self, digest, of=None):
        """The fault that this answer has, if any."""
        faults = self.faults if of is None else of
        with self._moved:
            fault = faults.get(digest)
            if fault is None or fault.times == 0:
                return Fault()
            fault.times -= 1
            return fault

    def _keep(self, data):
        self.blobs[digest_of(data)] = data
        return digest_of(data)

    def _layer(self, kind, digest):
        return {"mediaType": kind, "digest": digest, "size": len(self.blobs[digest])}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """The daemon hangs up when it likes."""


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(send=False)

    def do_GET(self):
        self._answer(send=True)

    def _answer(self, *, send):
        registry = self.registry
        registry.asked.append(f"{self.command} {self.path}")
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", self.path):
            self._manifest(f"{found[1]}/{found[2]}")
        elif found := re.fullmatch(r"/v2/.+/blobs/(.+)", self.path):
            if send:
                self._plain(307, b"", Location=f"http://127.0.0.1:{registry.port}/data/{found[1]}")
            else:
                self._head(200, len(registry.blobs[found[1]]))
        else:
            self._data(self.path.removeprefix("/data/"))

    def _manifest(self, key):
        fault = self.registry.fault(key, of=self.registry.manifest_status)
        if fault.status or key not in self.registry.manifests:
            self._plain(fault.status or 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        else:
            self._plain(200, self.registry.manifests[key])

    def _data(self, digest):
        registry, fault = self.registry, self.registry.fault(digest)
        if fault.status:
            self._plain(fault.status, b"broken")
            return
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        registry.ranges.setdefault(digest, []).append(first)
        body = registry.blobs[digest][first : last + 1]
        self._head(206, len(body))
        registry.busy(1)
        try:
            self._send(digest, body, fault)
        finally:
            registry.busy(-1)

    def _send(self, digest, body, fault):
        stop = fault.cut_after if fault.cut_after is not None else fault.stall_after
        sent, end = 0, len(body) if stop is None else min(stop, len(body))
        size = CHUNK if not self.registry.rate else max(1, min(CHUNK, int(self.registry.rate / 20)))
        while sent < end:
            piece = body[sent : min(sent + size, end)]
            self.wfile.write(piece)
            sent += len(piece)
            self.registry.note(digest, len(piece))
            if self.registry.rate:
                self.registry.release.wait(len(piece) / self.registry.rate)
        if fault.stall_after is not None:
            self.registry.release.wait()
        if end < len(body):
            self.close_connection = True
            self.connection.shutdown(2)

    def _plain(self, status, body, **headers):
        self._head(status, len(body), **headers)
        self.wfile.write(body)

    def _head(self, status, length, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        """Tests read `asked`."""
