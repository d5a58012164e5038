"""Every error that a user may see, with its exit code.

SamplemindError             1   anything that failed and is not a bug
├── UsageError              2   a wrong option, a bad file, a broken setting
│   └── SettingError            a setting or the environment, wrong for every request
├── StackError              3   Docker, Compose, a service
└── ProviderError           4   a language model or its daemon
    ├── NoProviderError         no route could be tried
    │   └── UnsupportedError        no route's provider supports what the request needs
    ├── BudgetError             the call may cost more than is left of a budget
    ├── ForbiddenError          the client is not allowed to use this model
    ├── RejectedError           the provider calls the request itself invalid
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
        """The error in a command's --json."""
        return {"message": self.message, "hint": self.hint}


class UsageError(SamplemindError):
    """A wrong option, an unreadable file, a broken setting."""

    exit_code = 2


class SettingError(UsageError):
    """An unusable setting or environment: it is not the request's fault, and no other provider would help."""


class StackError(SamplemindError):
    """Docker, Compose or one of the stack's services failed."""

    exit_code = 3


class ProviderError(SamplemindError):
    """A language model, or the connection to it, failed."""

    exit_code = 4


class NoProviderError(ProviderError):
    """None of `routes` could be tried; the message says why for each provider."""

    def __init__(self, message: str, hint: str | None = None, routes: tuple[Any, ...] = ()) -> None:
        super().__init__(message, hint)
        self.routes = routes


class UnsupportedError(NoProviderError):
    """None of `routes` supports what the request needs; `lacks` names it."""

    def __init__(self, message: str, hint: str, routes: tuple[Any, ...], lacks: frozenset[str]) -> None:
        super().__init__(message, hint, routes)
        self.lacks = lacks


class ForbiddenError(ProviderError):
    """The client is not allowed to use this model."""


class RejectedError(ProviderError):
    """The provider calls the request itself invalid, so no other provider is tried."""


class CutStreamError(ProviderError):
    """An answer began and did not end; its text so far is not an answer.

    `fault` and `refusal` hold the provider's reason, as in an `UnavailableError`; None where it gave none.
    """

    def __init__(self, message: str, hint: str | None = None, *, fault: Any = None, refusal: Any = None) -> None:
        super().__init__(message, hint)
        self.fault = fault
        self.refusal = refusal


class BudgetError(ProviderError):
    """A call was not made: it may cost more than is left of a budget, or its price is unknown."""
