"""The server that a tool is to ask: one that runs already, or a `serve` that lives as long as the tool."""

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
from samplemind_cli.launching import mark
from samplemind_cli.settings import Settings, environment

DEFAULT = "http://127.0.0.1:8000"
PATIENCE = 1.0  # seconds for a server on this machine to say that it is there


def found(settings: Settings, api: str, say: Callable[[str], None]) -> str:
    """The URL of a server of this user's that answers; empty when there is none.

    It is a `serve` at its usual address, or `api`, HOST:PORT of the carried stack's. Another user, or a container of a
    stranger's project, may listen there too, and would get prompts, code and token, and say what a tool does next.
    """
    parts = urlsplit(DEFAULT)
    if mark.is_held(settings.state_dir, str(parts.hostname), parts.port or 0):
        return DEFAULT if running(DEFAULT) else ""
    if api and running(f"http://{api}"):
        return f"http://{api}"
    if running(DEFAULT):
        say(f"note: the server at {DEFAULT} was not started by this user and is not used; --url uses it")
    return ""


def running(url: str) -> bool:
    """Whether something there says that it is a `serve`."""
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

    said = asyncio.run(look())
    if isinstance(said, str):  # with a token set, it says that one is missing, in our words
        return "authorization: Bearer" in said
    about = said.get("info") if isinstance(said, dict) else None
    return isinstance(about, dict) and about.get("title") == "samplemind"


@contextmanager
def started(settings: Settings, log: Path) -> Iterator[str]:
    """The URL of a `serve` of its own, on a free port of loopback; it ends with the block, its log stays in `log`."""
    with process(settings, log) as (url, _):
        yield url


@contextmanager
def process(settings: Settings, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """As `started`, with the process, for whoever waits for its end."""
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
    """Why, as `serve` told it in its log."""
    said = log.read_text("utf-8", "replace")
    error = re.search(r"^error: (.+)(?:\nhint: (.+))?", said, re.MULTILINE)
    message, hint = error.groups() if error else (said[-500:], None)
    return SamplemindError(f"the server did not start: {message}", hint or f"cat {log}")
