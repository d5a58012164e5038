"""The table of routes: method and path to handler."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from samplemind_cli.server.message import ErrorShape, Handler, HttpError, Incoming

JSON = "application/json"
PROBES = ("/healthz", "/readyz")  # monitoring has no token and asks every second


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    A `{name}` in the path, as in "/v1beta/models/{model}:generateContent", matches one or more of any characters, as
    model names have slashes; the matches are in `Incoming.params`, in order. `error` writes a problem in its format, by
    default OpenAI's. `public`: no token is needed; `owner`: a named key is not enough. `media`: the media type of a
    POST's body, "" for any. `filed`: the body goes into a file, however large. HEAD works wherever GET does.
    """

    method: str
    path: str
    handler: Handler
    error: ErrorShape | None = None
    public: bool = False
    media: str = JSON
    owner: bool = False
    filed: bool = False


class Routes:
    """All operations, by path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._exact: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Operation]]] = {}
        self.add(operations)

    def add(self, operations: Iterable[Operation]) -> None:
        """Add operations; of several matching patterns the longest counts."""
        for operation in operations:
            path = operation.path
            if "{" in path:
                methods = self._patterns.setdefault(path, (_pattern(path), {}))[1]
            else:
                methods = self._exact.setdefault(path, {})
            methods[operation.method] = operation
        self._patterns = dict(sorted(self._patterns.items(), key=lambda item: -len(item[0])))

    def find(self, incoming: Incoming) -> Operation | None:
        """Find the requested operation, and set the request's handler, route, parameters and error shape."""
        methods = self._methods(incoming)
        if not methods:
            return None
        operation = methods.get("GET" if incoming.method == "HEAD" else incoming.method)
        found = operation or next(iter(methods.values()))
        incoming.route, incoming.error, incoming.handler = found.path, found.error, found.handler
        return operation

    def allowed(self, incoming: Incoming) -> str:
        """The methods of a path for the Allow header; "" if there are none."""
        if incoming.path == "*":  # the server as a whole
            return "GET, HEAD, POST, OPTIONS"
        methods = self._methods(incoming)
        return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]) if methods else ""

    def missing(self, incoming: Incoming) -> HttpError:
        """The error if no operation was found: 405 or 404."""
        if allowed := self.allowed(incoming):
            text = f"{incoming.path[:200]} takes {allowed}"
            return HttpError(405, text, "method_not_allowed").with_header("allow", allowed)
        meant = next(filter(self._at, _meant(incoming.path)), "")
        hint = f": it is at {meant[:200]}; check the client's base URL" if meant else ""
        return HttpError(404, f"nothing is at {incoming.path[:200]}{hint}", "not_found")

    def _methods(self, incoming: Incoming) -> dict[str, Operation]:
        methods, params = self._at(incoming.path) or ({}, ())
        incoming.params = params or incoming.params
        return methods

    def _at(self, path: str) -> tuple[dict[str, Operation], tuple[str, ...]] | None:
        """The operations at a path, by method, and its parameters."""
        if found := self._exact.get(path):
            return found, ()
        for pattern, methods in self._patterns.values():
            if match := pattern.fullmatch(path):
                return methods, match.groups()
        return None


def _meant(path: str) -> Iterator[str]:
    """The paths that a client may mean whose base URL has a version too few or too many."""
    for version in ("/v1", "/v1beta"):
        yield f"{version}{path}"
        if path.startswith(f"{version}/"):
            yield path.removeprefix(version)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join("(.+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)), re.DOTALL)
