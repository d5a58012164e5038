"""Every error a user may see.

SamplemindError             1   anything that went wrong and is not a bug
├── UsageError              2   a wrong option, a bad file, a broken setting
│   └── SettingError            a setting or the environment, whoever asks and whatever
├── StackError              3   Docker, Compose, a service
└── ProviderError           4   a language model or its daemon
    ├── NoProviderError         none of the routes could be asked
    │   └── UnsupportedError        what was asked for is nothing that their providers take
    ├── BudgetError             it may cost more than is left of a budget
    ├── ForbiddenError          who asks may not ask this model
    ├── RejectedError           the provider calls the request itself wrong
    └── CutStreamError          an answer that began and did not end
"""

from typing import Any


class SamplemindError(Exception):
    """What happened and why (`message`), and the next command to type (`hint`). Never holds a key."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, str | None]:
        """As commands print it with --json, beside what they did."""
        return {"message": self.message, "hint": self.hint}


class UsageError(SamplemindError):
    """A wrong option, an unreadable file, a broken setting."""

    exit_code = 2


class SettingError(UsageError):
    """A setting or a part of the environment that cannot be used: no fault of who asks, nor of another provider."""


class StackError(SamplemindError):
    """Docker, Compose or one of the stack's services failed."""

    exit_code = 3


class ProviderError(SamplemindError):
    """A language model, or the way to it, failed."""

    exit_code = 4


class NoProviderError(ProviderError):
    """None of the routes could be asked; the message says why, provider by provider, and `routes` are they."""

    def __init__(self, message: str, hint: str | None = None, routes: tuple[Any, ...] = ()) -> None:
        super().__init__(message, hint)
        self.routes = routes


class UnsupportedError(NoProviderError):
    """None of the routes takes what the request asks for; `lacks` names it."""

    def __init__(self, message: str, hint: str, routes: tuple[Any, ...], lacks: frozenset[str]) -> None:
        super().__init__(message, hint, routes)
        self.lacks = lacks


class ForbiddenError(ProviderError):
    """Whoever asks may not ask this model."""


class RejectedError(ProviderError):
    """The provider calls the request itself wrong: no other is asked."""


class CutStreamError(ProviderError):
    """An answer began and did not end; what came of it is not an answer.

    `fault` and `refusal` say why, as in an `UnavailableError`, where the provider did.
    """

    def __init__(self, message: str, hint: str | None = None, *, fault: Any = None, refusal: Any = None) -> None:
        super().__init__(message, hint)
        self.fault = fault
        self.refusal = refusal

    """An answer began and did not end; what came of it is not an answer."""


class BudgetError(ProviderError):
    """A call was not made: it may cost more than is left of a budget, or nobody knows what it costs."""
