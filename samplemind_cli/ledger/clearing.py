"""Stored answers chosen by what people know of them, to be removed; the ledger knows their questions."""

from typing import Any, NamedTuple

from samplemind_cli.ledger import repeats
from samplemind_cli.ledger.since import moment
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


class ClearWish(NamedTuple):
    """The answers to remove, in the words of a command or a page; "" chooses none.

    `older_than`: 7d, 3h, today or a date; `question`: how the last words of the user begin, where the ledger has them.
    """

    provider: str = ""
    model: str = ""
    tier: str = ""
    older_than: str = ""
    question: str = ""

    def __str__(self) -> str:
        """As in "Remove …"."""
        whose = f"{self.provider}'s stored" if self.provider else "stored"
        parts = [
            f"of {self.model}" if self.model else "",
            f"older than {self.older_than}" if self.older_than else "",
            f"to questions that begin with {self.question!r}" if self.question else "",
        ]
        chosen = " ".join([f"{whose} answers", *filter(None, parts)])
        return chosen if any(self[:2] + self[3:]) else f"all {chosen}"


def facts(settings: Settings, wish: ClearWish) -> dict[str, Any]:
    """The same as the cache knows its answers: `Removal`'s fields. Raises UsageError for words that mean nothing."""
    before, keys = moment(wish.older_than) if wish.older_than else None, None
    if wish.question:
        with Ledger(settings).open() as connection:
            keys = frozenset(repeats.keys(connection, wish.question))
    return {"provider": wish.provider, "model": wish.model, "tier": wish.tier, "before": before, "keys": keys}
