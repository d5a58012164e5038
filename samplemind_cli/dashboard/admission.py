"""What a request to the dashboard's data must bring: the session, where a token is set, and the right origin."""

from collections.abc import Awaitable, Callable

import orjson

from samplemind_cli.dashboard.sessions import Sessions
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.failure import problem
from samplemind_cli.server.message import Handler, HttpError, Incoming, Reply, Stream
from samplemind_cli.server.peers import is_other_user
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
    """Guards handlers. Host names are checked before, for every route of the server."""

    def __init__(self, settings: Settings) -> None:
        self._token = bool(settings.api_token)
        self.sessions = Sessions(settings)

    def guarded(self, handler: Callable[[Incoming], Awaitable[Reply | Stream]], *, opening: bool = False) -> Handler:
        """The handler behind the checks; an error keeps its hint. `opening`: it opens the session, and needs none."""

        async def handle(incoming: Incoming) -> Reply | Stream:
            try:
                self._check(incoming, opening=opening)
                found = await handler(incoming)
            except HttpError as told:
                found = told.reply()
            except SamplemindError as error:
                found = failed(error)
            found.headers = {**HEADERS, **found.headers}
            return found

        return handle

    def _check(self, incoming: Incoming, *, opening: bool) -> None:
        """Raises HttpError: 401 without a session, 403 for a request from another page or another user's program."""
        headers = incoming.headers
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        reading = incoming.method in ("GET", "HEAD")
        own = origin is not None and origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
        if site not in ("none", "same-origin") or not (own or (reading and origin is None)):
            raise HttpError(
                403, "only the dashboard's own page may do this; the Origin header names another one", "forbidden"
            )
        if not self._token and is_other_user(incoming.transport):
            told = (
                "this program runs as another user; without SAMPLEMIND_API_TOKEN only your own programs may read this"
            )
            raise HttpError(403, told, "forbidden")
        if not self._token or opening or incoming.trusted:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.sessions.knows(bearer.strip()):
            wrong = HttpError(401, f"this needs a session; {LINK}", "no_session")
            raise wrong.with_header("www-authenticate", "Bearer")


def failed(error: SamplemindError) -> Reply:
    """An error as the page shows it: with the command that helps."""
    told = problem(error)
    reply = told.reply()
    found = orjson.loads(reply.body)
    found["error"]["hint"] = error.hint
    reply.body = orjson.dumps(found)
    return reply


def as_json(value: object) -> Reply:
    """A value as the answer."""
    return Reply(orjson.dumps(value))
