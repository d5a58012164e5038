"""Who may ask: with the token, under which Host name, from which web page."""

import hmac
import re
from ipaddress import ip_address

from samplemind_cli.errors import UsageError
from samplemind_cli.server.cors import Cors
from samplemind_cli.server.message import HttpError, Incoming
from samplemind_cli.settings import Settings

KEYS = ("x-api-key", "x-goog-api-key")  # Anthropic's and Google's clients send their key so
SEEN = 256
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]*)(?::\d{0,5})?", re.ASCII | re.IGNORECASE)


class Access:
    """Checks the head of a request. Raises UsageError for settings that cannot be."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.api_token.encode()
        self._hosts = frozenset(name.lower().rstrip(".") for name in settings.allowed_hosts)
        self._seen: set[str] = set()  # Host headers that passed
        self.cors = Cors(settings.allowed_origins)
        if self.cors.any and not self._token:
            raise UsageError(
                "allowed_origins: with '*' and no token every web page could spend your keys",
                "export SAMPLEMIND_API_TOKEN=…, or name the origins",
            )

    def check_host(self, incoming: Incoming) -> None:
        """Without a token only names of this machine count: a page whose name is bound anew to loopback is refused.

        Raises Problem. (The attack is called DNS rebinding.) HTTP/1.0 knows no Host, and no browser speaks it.
        """
        given = incoming.headers.get("host")
        if given is None or given in self._seen:
            return
        match = _HOST.fullmatch(given)
        if not match:
            raise HttpError(400, "the Host header is not a host", "bad_request")
        name = match[1].lower().rstrip(".")
        if not self._token and name not in self._hosts and not _is_loopback(name):
            message = (
                f"without SAMPLEMIND_API_TOKEN only loopback names are answered, not {name[:200]};"
                " SAMPLEMIND_ALLOWED_HOSTS allows more"
            )
            raise HttpError(403, message, "forbidden")
        if len(self._seen) < SEEN:
            self._seen.add(given)

    def check(self, incoming: Incoming, *, public: bool) -> None:
        """The token, if there is one; without one, a web page must not use the browser's way to loopback.

        Raises Problem. What is public needs neither, and `trusted` says whether the client may see details.
        """
        headers = incoming.headers
        if self._token:
            incoming.trusted = self._has_token(headers)
        elif "origin" in headers:
            incoming.trusted = self.cors.allows(incoming)
        if public or incoming.trusted:
            return
        if self._token:
            wrong = HttpError(401, "wrong or missing token: authorization: Bearer …", "invalid_api_key")
            raise wrong.with_header("www-authenticate", "Bearer")
        raise HttpError(
            403, "this page's origin is not in SAMPLEMIND_ALLOWED_ORIGINS, and no token is set", "forbidden"
        )

    def _has_token(self, headers: dict[str, str]) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = [headers[name] for name in KEYS if name in headers]
        if scheme.lower() == "bearer":
            given.append(bearer.strip())
        return any(hmac.compare_digest(key.encode("latin-1", "replace"), self._token) for key in given)


def _is_loopback(name: str) -> bool:
    """`localhost` and names below it never leave this machine (RFC 6761, 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
