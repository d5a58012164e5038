"""A provider that sends us elsewhere."""

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from samplemind_cli.ai.http_client import close_http_client, make_ai_request
from samplemind_cli.errors import ProviderError

pytestmark = pytest.mark.integration


@pytest.fixture
def listening():
    """Servers that answer each POST with a status and a Location, and note what came."""
    servers = []

    def start(status, location=""):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                came.append(self.path)
                self.send_response(status)
                self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):
                self.do_POST()

            def log_message(self, *_):
                pass

        came = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1", came

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_key_and_the_prompt(listening, status):
    thief, stolen = listening(200)
    provider, came = listening(status, thief)

    async def ask():
        try:
            await make_ai_request(provider, {"prompt": "a secret"}, headers={"authorization": "Bearer k"}, attempts=1)
        finally:
            await close_http_client()

    with pytest.raises(ProviderError):
        asyncio.run(ask())
    assert (came, stolen) == (["/v1"], [])
