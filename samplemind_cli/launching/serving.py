"""The `serve` that a tool is to ask: the one that runs already, or one that lives as long as the tool."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings, environment

DEFAULT = "http://127.0.0.1:8000"
PATIENCE = 1.0  # seconds for a server on this machine to say that it is there


def running(url: str = DEFAULT) -> bool:
    """Whether a `serve` of ours answers there."""
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

    found = asyncio.run(look())
    if isinstance(found, str):  # with a token set, it says that one is missing, in our words
        return "authorization: Bearer" in found
    return isinstance(found, dict) and found.get("info", {}).get("title") == "samplemind"


@contextmanager
def started(settings: Settings, log: Path) -> Iterator[str]:
    """The URL of a `serve` of its own, on a free port of loopback; it ends with the block, its log stays in `log`."""
    with process(settings, log) as (url, _):
        yield url


@contextmanager
def process(settings: Settings, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """As `started`, with the process, for whoever waits for its end."""
    env = environment(
        PYTHONSAFEPATH="1", **({"SAMPLEMIND_API_TOKEN": settings.api_token} if settings.api_token else {})
    )
    command = [sys.executable, "-m", "samplemind_cli", "serve", "--port", "0", "--json"]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with reaped(command, stderr=file, env=env) as server:
            line = server.stdout.readline() if server.stdout else b""
            with suppress(ValueError, KeyError, TypeError):
                yield str(json.loads(line)["url"]), server
                return
            raise SamplemindError(f"the server did not start: {log.read_text('utf-8', 'replace')[-500:]}", f"cat {log}")
    finally:
        os.close(file)
