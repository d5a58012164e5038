"""Models that refuse to think, while their client asks every model to: they are asked again without."""

import re
from dataclasses import replace

from samplemind_cli.ai.types import Format, Request
from samplemind_cli.errors import ProviderError
from samplemind_cli.formats.request import THINKING_FIELDS

# Claude Code, Gemini CLI and Codex ask every model to think, also where nobody knows whether it can.
_HABIT: tuple[Format, ...] = ("anthropic_messages", "gemini", "openai_responses")
_REFUSED = re.compile(r"\b(think|reasoning|effort)", re.IGNORECASE)
_SAID = ("effort", "thinking_budget")


class Unthinking:
    """Remembers which models refused to think."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def request(self, name: str, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The request as this model takes it, and the fields that were left out."""
        if name not in self._names or not (dropped := _dropped(request)):
            return request, ()
        extra = {field: value for field, value in request.extra.items() if field not in THINKING_FIELDS}
        return replace(request, effort="", thinking_budget=None, extra=extra), dropped

    def refused(self, name: str, request: Request, provider: Format, error: ProviderError) -> bool:
        """Whether a request was refused for this alone, and is worth another call; the model is remembered.

        In the provider's own format the client hears what the provider says.
        """
        if name in self._names or request.source not in _HABIT or request.source == provider:
            return False
        if not _dropped(request) or not _REFUSED.search(error.message):
            return False
        self._names.add(name)
        return True


def _dropped(request: Request) -> tuple[str, ...]:
    return tuple(field for field in _SAID if getattr(request, field) not in ("", "none", None))
