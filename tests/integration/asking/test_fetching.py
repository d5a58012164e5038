"""Attachments by their address: what is fetched, and what is not."""

import http.server
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest

from samplemind_cli.ai.types import Media, Text
from samplemind_cli.asking import fetching
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
PNG = b"\x89PNG\r\n\x1a\n0000"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    try:
        subprocess.run([*command, *names], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl to make a certificate with")
    return folder


@contextmanager
def site(certificate):
    """A web site on loopback, over https."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = PAGES[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


PAGES = {
    "/notes.txt": (200, {"content-type": "text/plain; charset=utf-8"}, "wörds".encode()),
    "/a%20picture": (200, {"content-type": "image/png"}, PNG),
    "/there": (302, {"location": "/notes.txt"}, b""),
    "/down": (302, {"location": "http://localhost/notes.txt"}, b""),
    "/round": (302, {"location": "/round"}, b""),
    "/gone": (404, {"content-type": "text/plain"}, b"gone"),
    "/zip": (200, {"content-type": "application/zip"}, b"PK\x03\x04\0"),
    "/large": (200, {"content-type": "text/plain"}, b"x" * 5000),
}


@pytest.fixture
def url(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with site(certificate) as found:
        yield found


def test_text_and_images_are_what_their_server_says_they_are(url):
    text, image = fetching.fetch(f"{url}/notes.txt", Settings()), fetching.fetch(f"{url}/a%20picture", Settings())

    assert text == Text("notes.txt:\n\nwörds")
    assert image == Media("image", "image/png", PNG, "a picture")


def test_where_an_address_leads_on_is_followed(url):
    assert fetching.fetch(f"{url}/there", Settings()).text.endswith("wörds")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/down", "only https is"),
        ("/round", "redirects too many times"),
        ("/gone", "HTTP 404"),
        ("/zip", "not an image, audio file, PDF or text"),
        ("/large", "sent more than"),
    ],
)
def test_what_cannot_be_attached_is_told(url, path, why, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST", 2000)
    with pytest.raises(UsageError, match=why):
        fetching.fetch(f"{url}{path}", Settings())


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "HTTP://localhost/x"])
def test_nothing_is_fetched_over_plain_http(url):
    with pytest.raises(UsageError, match="only https is"):
        fetching.fetch(url, Settings())


def test_nobody_there_is_told():
    with pytest.raises(UsageError, match="cannot fetch https://127"):
        fetching.fetch("https://127.0.0.1:1/x", Settings())


@pytest.mark.parametrize(
    ("given", "known"), [("https://a/b", True), ("notes.txt", False), ("-", False), ("C:/x", False)]
)
def test_an_address_is_told_from_a_file(given, known):
    assert fetching.is_url(given) is known
