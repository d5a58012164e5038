"""A `serve` as a process, for programs that ask it from outside."""

import json
import subprocess
from contextlib import contextmanager


@contextmanager
def running(command, folder):
    """The URL of a server that ends with the block; its log stays in the folder."""
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen([*command, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=log)
    try:
        with server.stdout:
            yield json.loads(server.stdout.readline())["url"]
    finally:
        server.terminate()
        server.wait(timeout=20)
