"""CORS: which web pages may read what this server answers (fetch.spec.whatwg.org, "CORS protocol")."""

import re
from collections.abc import Iterable

from samplemind_cli.errors import UsageError
from samplemind_cli.server.message import HttpError, Incoming, Reply

ANY = "*"
MAX_AGE = "600"  # seconds for which a browser keeps a preflight's answer
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")
_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,1024}", re.ASCII)  # header names, or a method


class Cors:
    """The origins that are allowed: `scheme://host[:port]`, or "*" for all. Raises UsageError for anything else."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        for origin in self._origins - {ANY}:
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(
                    f"allowed_origins: {origin!r} is not an origin", "write scheme://host[:port]: https://app.example"
                )
        self.any = ANY in self._origins

    def allows(self, incoming: Incoming) -> bool:
        """Whether the request's origin is allowed, or is this server's own."""
        origin = incoming.headers.get("origin", "").lower()
        return self.any or origin in self._origins or _own(origin, incoming.headers.get("host", ""))

    def headers(self, incoming: Incoming) -> dict[str, str]:
        """The headers that let an allowed page read the response; empty for others."""
        if not self.allows(incoming):
            return {"vary": "origin"}
        return {
            "access-control-allow-origin": ANY if self.any else incoming.headers["origin"],
            "access-control-expose-headers": ANY,
            "vary": "origin",
        }

    def preflight(self, incoming: Incoming, allowed: str) -> Reply:
        """The response to OPTIONS: the path's methods, and for a preflight what the page may send.

        Raises HttpError (403) for a page whose origin is not allowed.
        """
        headers = {"allow": allowed}
        if "access-control-request-method" in incoming.headers and "origin" in incoming.headers:
            if not self.allows(incoming):
                raise HttpError(403, "allowed_origins does not name this page's origin", "forbidden")
            names = incoming.headers.get("access-control-request-headers", "")
            headers |= {"access-control-allow-methods": allowed, "access-control-max-age": MAX_AGE}
            if _NAMES.fullmatch(names):
                headers["access-control-allow-headers"] = names
        return Reply(b"", 204, headers)


def _own(origin: str, host: str) -> bool:
    """Whether a page's origin is this server, whose Host name has been checked."""
    return bool(host) and origin.partition("://")[2] == host.lower()
