"""Which stored answers to remove, chosen by what people know of them; the ledger finds them by their prompts."""

from typing import Any, NamedTuple

from samplemind_cli.ledger import log
from samplemind_cli.ledger.since import moment
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


class ClearRequest(NamedTuple):
    """The answers to remove, as a command or the dashboard says it; "" is no condition.

    `older_than`: 7d, 3h, today or a date; `question`: the beginning of the last user message, if the ledger has it.
    """

    provider: str = ""
    model: str = ""
    tier: str = ""
    older_than: str = ""
    question: str = ""

    def __str__(self) -> str:
        """The answers in words, to follow "Remove "."""
        parts = [
            "" if any(self[:2] + self[3:]) else "all",
            f"{self.provider}'s" if self.provider else "",
            "stored answers",
            f"of {self.model}" if self.model else "",
            f"older than {self.older_than}" if self.older_than else "",
            f"to questions that begin with {self.question!r}" if self.question else "",
        ]
        return " ".join(filter(None, parts))


def removal_fields(settings: Settings, request: ClearRequest) -> dict[str, Any]:
    """The fields of the cache's `Removal`. Raises UsageError where `older_than` is not a point in time."""
    before, keys = moment(request.older_than) if request.older_than else None, None
    if request.question:
        with Ledger(settings).open() as connection:
            keys = frozenset(log.keys(connection, request.question))
    return {"provider": request.provider, "model": request.model, "tier": request.tier, "before": before, "keys": keys}
