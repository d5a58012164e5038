"""Serves the files of one folder; they are read once at start, so that no path can leave it."""

from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from samplemind_cli.server.message import HttpError, Incoming, Reply
from samplemind_cli.server.routes import Operation

INDEX = "index.html"
OTHER = "application/octet-stream"
# Instead of the system's table, which differs between machines.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
HEADERS = {
    "cache-control": "no-cache",  # cached, and revalidated by its ETag
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Pages:
    """The pages of a folder, without hidden files and links out of it."""

    def __init__(self, folder: Path) -> None:
        self._files = dict(_read(folder.resolve()))

    def operations(self, prefix: str) -> tuple[Operation, ...]:
        """The routes below `prefix`; `prefix` itself, with or without a slash, is the index.

        So links in it must begin with the prefix. They need no token, which a browser could not send.
        """
        paths = (prefix, f"{prefix}/{{file}}")
        return tuple(Operation("GET", path, self._page, public=True) for path in paths)

    async def _page(self, incoming: Incoming) -> Reply:
        name = incoming.params[0] if incoming.params else INDEX
        found = self._files.get(name)
        if found is None:
            raise HttpError(404, f"there is no page {name[:200]}", "not_found")
        kind, tag, body = found
        headers = {**HEADERS, "etag": tag}
        if _matches(incoming.headers.get("if-none-match", ""), tag):
            return Reply(b"", 304, headers)
        return Reply(body, headers=headers, kind=kind)


def _read(folder: Path) -> Iterator[tuple[str, tuple[str, str, bytes]]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and path.resolve().is_relative_to(folder):
            body = path.read_bytes()
            tag = f'"{blake3(body).hexdigest()[:32]}"'
            yield name.as_posix(), (TYPES.get(path.suffix.lower(), OTHER), tag, body)


def _matches(given: str, tag: str) -> bool:
    """RFC 9110, 13.1.2: any of the tags, weakly compared."""
    return given.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in given.split(",")]
