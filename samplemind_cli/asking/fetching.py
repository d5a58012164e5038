"""Fetches attachments given as URLs: over https, within limits of size, time and redirects."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from samplemind_cli.ai import http_client
from samplemind_cli.ai.http_client import Patience
from samplemind_cli.ai.types import Call, Media, Text
from samplemind_cli.asking import prompt
from samplemind_cli.errors import ProviderError, UsageError
from samplemind_cli.settings import Settings

LARGEST = 25_000_000  # bytes
DEADLINE = 60.0  # seconds for one URL
HOPS = 5
_OK = 200


def is_url(source: str) -> bool:
    """Whether an attachment is a URL, not a file."""
    return source.partition("://")[0].lower() in ("http", "https") and "://" in source


def attachments(sources: Iterable[str], settings: Settings) -> list[Path | Media | Text]:
    """The paths, and what was fetched from the URLs. Raises UsageError."""
    return [fetch(source, settings) if is_url(source) else Path(source) for source in sources]


def fetch(url: str, settings: Settings) -> Media | Text:
    """An image, a sound, a PDF, or text. Raises UsageError."""

    async def once() -> tuple[str, bytes]:
        try:
            return await _get(url, settings)
        finally:
            await http_client.close_http_client()

    kind, data = asyncio.run(once())
    parts = urlsplit(url)
    name = unquote(parts.path.rpartition("/")[2]) or parts.hostname or "page"
    return prompt.part(kind.partition(";")[0].strip().lower(), data, name, url)


async def _get(url: str, settings: Settings) -> tuple[str, bytes]:
    """The media type and the bytes."""
    deadline = asyncio.get_running_loop().time() + DEADLINE
    patience = Patience(connect=settings.connect_timeout, read=settings.read_timeout, attempts=1, deadline=deadline)
    current, hint = url, "fetch it yourself, and attach the file"
    try:
        async with asyncio.timeout_at(deadline):
            for _ in range(HOPS):
                if urlsplit(current).scheme.lower() != "https":
                    what = "" if current == url else f"{url} redirects to "
                    raise UsageError(f"{what}{current}: only https is fetched", hint)
                reply = await http_client.reply(Call(current, None, method="GET"), patience, LARGEST)
                if not (target := reply.redirect(current)):
                    break
                current = target
            else:
                raise UsageError(f"{url} redirects too many times", hint)
    except ProviderError as error:
        raise UsageError(f"cannot fetch {url}: {error.message}", hint) from error
    except (TimeoutError, ValueError) as error:
        why = str(error) or f"no answer within {DEADLINE:g} s"
        raise UsageError(f"cannot fetch {url}: {why}", "check the address") from error
    if reply.status != _OK:
        raise UsageError(f"cannot fetch {url}: HTTP {reply.status}", "check the address")
    return reply.headers.get("content-type", ""), reply.body
