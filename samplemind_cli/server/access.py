"""Access checks: the token, the Host name, the web page's origin."""

import hmac
import re
from ipaddress import ip_address
from urllib.parse import parse_qs

from samplemind_cli.errors import UsageError
from samplemind_cli.server import client_keys
from samplemind_cli.server.cors import Cors
from samplemind_cli.server.message import HttpError, Incoming
from samplemind_cli.server.peers import other_user
from samplemind_cli.settings import Settings

KEYS = ("x-api-key", "x-goog-api-key")  # headers in which Anthropic's and Google's clients send their key
GOOGLES = ("/v1beta/", "/v1/models/{model}:", "/v1/{model}:")  # routes whose URL may hold the key
SEEN = 256
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]*)(?::\d{0,5})?", re.ASCII | re.IGNORECASE)


class Access:
    """Checks the head of a request. Raises UsageError for contradictory settings."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.api_token.encode()
        self._keys = client_keys.of(settings)
        self._hosts = frozenset(name.lower().rstrip(".") for name in settings.allowed_hosts)
        self._seen: set[str] = set()  # Host headers that passed
        self.cors = Cors(settings.allowed_origins)
        if self.cors.any and not self._token:
            raise UsageError(
                "allowed_origins: with '*' and no token, any web page could use your API keys",
                "export SAMPLEMIND_API_TOKEN=…, or name the origins",
            )

    def check_host(self, incoming: Incoming) -> None:
        """Raise HttpError, without a token, for a Host other than this machine: it may be a DNS rebinding attack.

        In that attack the name of a web page resolves to loopback. HTTP/1.0, which no browser uses, has no Host header.
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

    def check(self, incoming: Incoming, *, public: bool, owner: bool = False) -> None:
        """Check the token, if one is set; without one, refuse web pages that reach loopback through a browser.

        Raises HttpError. Public routes need neither; `trusted` is set if the client may see details. A named key
        replaces the token except on `owner` routes; without a token it only names the client.
        """
        headers = incoming.headers
        given = sent_keys(incoming)
        if self._token:
            incoming.trusted = any(hmac.compare_digest(_wire(key), self._token) for key in given)
        elif "origin" in headers:
            incoming.trusted = self.cors.allows(incoming)
        if not (incoming.trusted and self._token):
            incoming.key = self._keys.find(_wire(key).decode("utf-8", "replace") for key in given)
        changes = owner and incoming.method not in ("GET", "HEAD")
        if changes and not self._token and other_user(incoming.transport):
            message = f"without SAMPLEMIND_API_TOKEN {incoming.route} is refused to other users' programs"
            raise HttpError(403, message, "forbidden")
        if public or incoming.trusted or (incoming.key and not owner):
            return
        if incoming.key:
            raise HttpError(403, f"{incoming.route} is not for named keys: it needs SAMPLEMIND_API_TOKEN", "forbidden")
        if self._token:
            wrong = HttpError(401, "wrong or missing token: authorization: Bearer …", "invalid_api_key")
            raise wrong.with_header("www-authenticate", "Bearer")
        raise HttpError(
            403, "this page's origin is not in SAMPLEMIND_ALLOWED_ORIGINS, and no token is set", "forbidden"
        )


def sent_keys(incoming: Incoming) -> list[str]:
    """Every key in a request: in the headers, and in the URL, where Google's clients may put it."""
    headers = incoming.headers
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    given = [bearer.strip()] if scheme.lower() == "bearer" else []
    given += [headers[name] for name in KEYS if name in headers]
    if "key=" in incoming.query and incoming.route.startswith(GOOGLES):
        given += parse_qs(incoming.query).get("key", [])
    return given


def _wire(key: str) -> bytes:
    """The bytes that were sent; headers are decoded as latin-1."""
    return key.encode("latin-1", "replace")


def _is_loopback(name: str) -> bool:
    """`localhost` and names below it never leave this machine (RFC 6761, 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
