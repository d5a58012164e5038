"""In which format a model is asked, where its provider speaks two: OpenAI's chat completions and its responses."""

import re
from time import monotonic

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.patience import UnavailableError
from samplemind_cli.ai.refusal import NO_SUCH_PATH
from samplemind_cli.ai.types import Endpoint, Format, Request, Route
from samplemind_cli.formats.openai_responses.client import alone
from samplemind_cli.settings import Settings

LIFE = 600.0  # seconds that it is remembered: a server may be replaced by a better one
RESPONSES = "openai_responses"
# OpenAI "This model is only supported in v1/responses and not in v1/chat/completions", "This is not a chat model".
_ONLY = re.compile(r"\bresponses\b|not a chat model", re.IGNORECASE)


class FormatChoice:
    """What servers and models have said of the format in which they are asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, str], tuple[str, float]] = {}  # by address and model; "" for all models

    def of(self, provider: str, endpoint: Endpoint, request: Request) -> str:
        """The client that asks: `Row.client`, or the one for responses."""
        row = self._settings.row(provider)
        if not row.responses:
            return row.client
        now = monotonic()
        for model in (endpoint.model, ""):
            client_name, until = self._known.get((endpoint.base_url, model), ("", 0.0))
            if until > now:
                return client_name
        return RESPONSES if request.source == RESPONSES or alone(endpoint.model) else row.client

    def learns(self, route: Route, request: Request, error: UnavailableError) -> bool:
        """Whether a refusal says that the model is to be asked in the other format, which can say all that is meant."""
        if not self._settings.row(route.provider).responses or not self._turns(route, request, error):
            return False
        takes = CLIENTS[self.of(route.provider, route.endpoint, request)].takes
        needs = request.needs | request.wishes if self._settings.strict_fields else request.needs
        return all(takes(name, request, route.endpoint) for name in needs)

    def left_out(self, route: Route, request: Request) -> frozenset[str]:
        """The hints that the provider does not get in the format in which it is asked now."""
        takes = CLIENTS[self.of(route.provider, route.endpoint, request)].takes
        return frozenset(name for name in request.wishes if not takes(name, request, route.endpoint))

    def _turns(self, route: Route, request: Request, error: UnavailableError) -> bool:
        """Whether a refusal says that the other format is the right one; it is remembered."""
        provider, endpoint = route.provider, route.endpoint
        row, client_name = self._settings.row(provider), self.of(provider, endpoint, request)
        nothing = _has_no_path(error) or _wants_messages(error)
        if client_name == RESPONSES and (nothing or _speaks_of(error, "not supported with the responses")):
            model, other = "" if nothing else endpoint.model, row.client
        elif client_name != RESPONSES and _refuses_chat(error):
            model, other = endpoint.model, RESPONSES
        else:
            return False
        if (endpoint.base_url, model) in self._known and self.of(provider, endpoint, request) != other:
            return False  # it has refused both
        self._known[endpoint.base_url, model] = other, monotonic() + LIFE
        return True


def format_of(client: str) -> Format:
    """The format that a client speaks."""
    return client.partition(".")[0]  # type: ignore[return-value]


def _has_no_path(error: UnavailableError) -> bool:
    """Whether nothing is at the address; an unknown model is said to be one."""
    if error.refusal is None:
        return error.fault is not None and error.fault.kind == "address" and "has nothing at" in error.message
    return error.refusal.status in NO_SUCH_PATH and not _speaks_of(error, "model")


def _wants_messages(error: UnavailableError) -> bool:
    """Whether a proxy reads every body as a chat completion's, and misses its `messages`."""
    return error.fault is not None and error.fault.kind == "unsupported" and _speaks_of(error, "messages")


def _refuses_chat(error: UnavailableError) -> bool:
    known = error.fault is not None and error.fault.kind in ("not_found", "request", "unsupported")
    return known and bool(_ONLY.search(error.message))


def _speaks_of(error: UnavailableError, words: str) -> bool:
    return words in error.message.lower()
