"""Checks requests for the dashboard's data: the session, where a token is set, and the origin."""

from collections.abc import Awaitable, Callable

import orjson

from samplemind_cli.dashboard.sessions import Sessions
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.failure import problem
from samplemind_cli.server.message import Handler, HttpError, Incoming, Reply, Stream
from samplemind_cli.server.peers import other_user
from samplemind_cli.settings import Settings

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
LINK = "samplemind dashboard --print shows a new link"


class Admission:
    """Guards handlers. The Host header is checked before, for every route of the server."""

    def __init__(self, settings: Settings) -> None:
        self._token = bool(settings.api_token)
        self.sessions = Sessions(settings)

    def guarded(self, handler: Callable[[Incoming], Awaitable[Reply | Stream]], *, opening: bool = False) -> Handler:
        """The handler behind the checks; an error keeps its hint. `opening`: it opens the session, so it needs none."""

        async def handle(incoming: Incoming) -> Reply | Stream:
            try:
                self._check(incoming, opening=opening)
                reply = await handler(incoming)
            except HttpError as error:
                reply = error.reply()
            except SamplemindError as error:
                reply = failed(error)
            reply.headers = {**HEADERS, **reply.headers}
            return reply

        return handle

    def _check(self, incoming: Incoming, *, opening: bool) -> None:
        """Raise HttpError: 401 without a session, 403 for a request from another page or another user's program."""
        headers = incoming.headers
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        reading = incoming.method in ("GET", "HEAD")
        own = origin is not None and origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
        if site not in ("none", "same-origin") or not (own or (reading and origin is None)):
            raise HttpError(
                403, "only the dashboard's own page may do this; the Origin header names another one", "forbidden"
            )
        if not self._token and other_user(incoming.transport):
            why = "this program runs as another user; without SAMPLEMIND_API_TOKEN only your own programs may read this"
            raise HttpError(403, why, "forbidden")
        if not self._token or opening or incoming.trusted:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.sessions.knows(bearer.strip()):
            missing = HttpError(401, f"this needs a session; {LINK}", "no_session")
            raise missing.with_header("www-authenticate", "Bearer")


def failed(error: SamplemindError) -> Reply:
    """The reply for an error, with its hint, which the page shows."""
    reply = problem(error).reply()
    body = orjson.loads(reply.body)
    body["error"]["hint"] = error.hint
    reply.body = orjson.dumps(body)
    return reply


def as_json(value: object) -> Reply:
    """The reply with a value as JSON."""
    return Reply(orjson.dumps(value))
