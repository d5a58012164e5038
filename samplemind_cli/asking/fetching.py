"""What is attached by its address: fetched over https, within limits, when it is asked."""

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
DEADLINE = 60.0  # seconds for one address
HOPS = 5
_OK = 200


def is_address(given: str) -> bool:
    """Whether an attachment is no file but an address."""
    return given.partition("://")[0].lower() in ("http", "https") and "://" in given


def attached(given: Iterable[str], settings: Settings) -> list[Path | Media | Text]:
    """The attachments, those of them fetched that are addresses. Raises UsageError."""
    return [fetched(one, settings) if is_address(one) else Path(one) for one in given]


def fetched(url: str, settings: Settings) -> Media | Text:
    """What is at an address: an image, a sound, a PDF, or text. Raises UsageError."""

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
    """Its media type and its bytes."""
    deadline = asyncio.get_running_loop().time() + DEADLINE
    patience = Patience(connect=settings.connect_timeout, read=settings.read_timeout, attempts=1, deadline=deadline)
    where = url
    try:
        async with asyncio.timeout_at(deadline):
            for _ in range(HOPS):
                if urlsplit(where).scheme.lower() != "https":
                    told = (
                        f"{where} is not fetched: " if where == url else f"{url} redirects to {where}, which is not: "
                    )
                    raise UsageError(f"{told}only https is", "fetch it yourself, and attach the file")
                reply = await http_client.reply(Call(where, None, method="GET"), patience, LARGEST)
                if not (target := reply.redirect(where)):
                    break
                where = target
            else:
                raise UsageError(f"{url} redirects too many times", "fetch it yourself, and attach the file")
    except ProviderError as error:
        raise UsageError(f"cannot fetch {url}: {error.message}", "fetch it yourself, and attach the file") from error
    except (TimeoutError, ValueError) as error:
        why = str(error) or f"no answer within {DEADLINE:g} s"
        raise UsageError(f"cannot fetch {url}: {why}", "check the address") from error
    if reply.status != _OK:
        raise UsageError(f"cannot fetch {url}: HTTP {reply.status}", "check the address")
    return reply.headers.get("content-type", ""), reply.body
