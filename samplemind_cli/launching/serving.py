"""The server for a tool: one that is running already, or a `serve` that ends with the tool."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.child.python import OURS
from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError
from samplemind_cli.launching import address_lock
from samplemind_cli.settings import Settings, environment

DEFAULT = "http://127.0.0.1:8000"
PATIENCE = 1.0  # seconds for a server on this machine to answer


def find(settings: Settings, api: str, say: Callable[[str], None]) -> str:
    """The URL of this user's running server: a `serve` at its default address, or `api`, HOST:PORT of the carried
    stack's; "" if there is none.

    Another user, or a container of another project, may listen there too: it would get prompts, code and token, and
    control what the tool does next.
    """
    parts = urlsplit(DEFAULT)
    if address_lock.is_held(settings.state_dir, str(parts.hostname), parts.port or 0):
        return DEFAULT if is_running(DEFAULT) else ""
    if api and is_running(f"http://{api}"):
        return f"http://{api}"
    if is_running(DEFAULT):
        say(f"note: the server at {DEFAULT} was not started by this user and is not used; --url uses it")
    return ""


def is_running(url: str) -> bool:
    """Whether a `serve` answers there, as far as its answer shows."""
    import asyncio

    from samplemind_cli.ai import http_client

    async def look() -> Any:
        try:
            call = {"method": "GET", "connect": PATIENCE, "read": PATIENCE, "attempts": 1}
            return await http_client.make_ai_request(f"{url}/openapi.json", None, **call)
        except SamplemindError as error:
            return str(error)
        finally:
            await http_client.close_http_client()

    document = asyncio.run(look())
    if isinstance(document, str):  # an error; with a token set, `serve` demands one in our words
        return "authorization: Bearer" in document
    info = document.get("info") if isinstance(document, dict) else None
    return isinstance(info, dict) and info.get("title") == "samplemind"


@contextmanager
def start(settings: Settings, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL and process of a new `serve` on a free port of loopback. It ends with the block; its log stays in `log`.

    Raises SamplemindError if it does not start.
    """
    env = environment(**({"SAMPLEMIND_API_TOKEN": settings.api_token} if settings.api_token else {}))
    command = [*OURS, "serve", "--port", "0", "--json"]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with reaped(command, stderr=file, env=env) as server:
            line = server.stdout.readline() if server.stdout else b""
            with suppress(ValueError, KeyError, TypeError):
                yield str(json.loads(line)["url"]), server
                return
            raise _not_started(log)
    finally:
        os.close(file)


def _not_started(log: Path) -> SamplemindError:
    """The error and hint in the log of `serve`."""
    text = log.read_text("utf-8", "replace")
    error = re.search(r"^error: (.+)(?:\nhint: (.+))?", text, re.MULTILINE)
    message, hint = error.groups() if error else (text[-500:], None)
    return SamplemindError(f"the server did not start: {message}", hint or f"cat {log}")
