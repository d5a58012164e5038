"""Which constraints of a request a provider does not support, and which hints it would not get."""

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.ai.format_choice import FormatChoice
from samplemind_cli.ai.router import Fit
from samplemind_cli.ai.types import Endpoint, Request
from samplemind_cli.formats.types import NO_TOKENS
from samplemind_cli.settings import Settings


def fit_of(request: Request, settings: Settings, formats: FormatChoice) -> Fit:
    """Returns a function that tells how a request fits a provider; with `strict_fields`, hints count as constraints."""
    needs, wishes = request.needs, request.wishes
    if settings.strict_fields:
        needs, wishes = needs | wishes, frozenset()

    def fit(provider: str, endpoint: Endpoint) -> tuple[frozenset[str], tuple[str, ...]]:
        takes = CLIENTS[formats.of(provider, endpoint, request)].takes
        lacks = frozenset(name for name in needs if name == NO_TOKENS or not takes(name, request, endpoint))
        return lacks, tuple(sorted(name for name in wishes if not takes(name, request, endpoint)))

    return fit
